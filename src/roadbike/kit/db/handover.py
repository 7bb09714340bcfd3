"""Rows that this process has committed lately, kept in memory for its own background work.

Only what they contain: whether a row still waits, and which comes first, the table says. So a row
that is missing here is read, and one that is here too long does no harm.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

MAX_ROWS: Final = 5_000
MAX_BYTES: Final = 16 << 20


class Handover:
    """Rows by their number, as long as somebody in this process takes them."""

    def __init__(self) -> None:
        self._rows: dict[int, Mapping[str, Any]] = {}
        self._sizes: dict[int, int] = {}
        self._bytes = 0
        self._taker: object = None

    @property
    def is_wanted(self) -> bool:
        """Return whether somebody takes the rows."""
        return self._taker is not None

    def open(self, taker: object) -> None:
        """Keep rows from now on; another taker than before finds none of its rows."""
        if taker != self._taker:
            self.close()
            self._taker = taker

    def close(self) -> None:
        """Forget the rows and keep no more."""
        self._taker, self._bytes = None, 0
        self._rows.clear()
        self._sizes.clear()

    def put(self, number: int, row: Mapping[str, Any], size: int) -> None:
        """Keep the row, which has about that many bytes, if it is wanted and there is room."""
        if self.is_wanted and len(self._rows) < MAX_ROWS and self._bytes + size <= MAX_BYTES:
            self._rows[number], self._sizes[number] = row, size
            self._bytes += size

    def get(self, numbers: Collection[int]) -> dict[int, Mapping[str, Any]]:
        """Return those of the rows that are here."""
        return {number: self._rows[number] for number in numbers if number in self._rows}

    def forget(self, numbers: Collection[int]) -> None:
        """Forget these rows."""
        for number in numbers:
            if self._rows.pop(number, None) is not None:
                self._bytes -= self._sizes.pop(number)

    def __len__(self) -> int:
        return len(self._rows)
