"""Which page of a list is wanted, and in which order."""

from dataclasses import dataclass
from typing import Final

DEFAULT_PAGE_SIZE: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SortOrder:
    """One field (its wire name) to sort by."""

    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """Page `number` (from 0) of `size` items, sorted by `sort` in turn, found by `q`."""

    number: int = 0
    size: int = DEFAULT_PAGE_SIZE
    sort: tuple[SortOrder, ...] = ()
    q: str | None = None

    @property
    def offset(self) -> int:
        """Return how many items come before the page."""
        return self.number * self.size
