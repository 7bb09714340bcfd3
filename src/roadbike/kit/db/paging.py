"""The page of a list that a request asks for, and its order."""

from dataclasses import dataclass
from typing import Final

DEFAULT_PAGE_SIZE: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SortOrder:
    """A field to sort by, named as on the wire."""

    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """Page `number` (from 0) with `size` items, sorted by each of `sort` in turn.

    after: where the page begins, as the link of the page before says it; it is None for the first
    page, for one that was asked for by its number only, and for a sorted list.
    q: the search text; None without a search.
    """

    number: int = 0
    size: int = DEFAULT_PAGE_SIZE
    after: str | None = None
    sort: tuple[SortOrder, ...] = ()
    q: str | None = None

    @property
    def offset(self) -> int:
        """Return the number of items before the page."""
        return self.number * self.size
