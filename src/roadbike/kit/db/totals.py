"""How many rows a list has: exactly when it is short, and as of a moment ago when it is long.

To count reads every row that the list has, so for long lists it takes longer than to read a page.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select

LONG: Final = 1_000  # rows; shorter lists are counted each time
KEPT_SECONDS: Final = 1.0
MOST_KEPT: Final = 1_000  # lists

Key = tuple[object, ...]


@dataclass(slots=True)
class _Kept:
    total: int
    until: float


class Totals:
    """The numbers of rows of long lists, each counted at most once in KEPT_SECONDS.

    It belongs to one database and one process.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[Key, _Kept] = {}

    async def of(self, found: Select[Any], count: Callable[[], Awaitable[int]]) -> int:
        """Return the number of rows that the statement finds. count: counts them.

        A number above LONG may be KEPT_SECONDS old.
        """
        key = _key(found)
        kept = self._kept.get(key)
        if kept is not None:
            if self._clock() < kept.until:
                return kept.total
            kept.until = self._clock() + KEPT_SECONDS  # others take it while this one counts
        total = await count()
        if total > LONG:
            self._keep(key, total)
        else:
            self._kept.pop(key, None)
        return total

    def _keep(self, key: Key, total: int) -> None:
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        self._kept[key] = _Kept(total, self._clock() + KEPT_SECONDS)


def _key(found: Select[Any]) -> Key:
    """Return what two statements have in common that find the same rows: text and values."""
    cached = found._generate_cache_key()  # noqa: SLF001 the key of SQLAlchemy's own cache
    assert cached is not None  # only parts that SQLAlchemy does not know would have none
    return cached.key, *(bind.effective_value for bind in cached.bindparams)
