"""Which page of a list is asked for, and in which order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import urlencode

from litestar.params import QueryParameter

from roadbike.kit.refusals import Fault, Invalid

LARGEST_PAGE: Final = 100
USUAL_PAGE: Final = 20
LAST_PAGE: Final = 10_000_000
LONGEST_QUERY: Final = 200
DIRECTIONS: Final = {"asc": False, "desc": True}

PageNumber = Annotated[int, QueryParameter(ge=0, le=LAST_PAGE, description="Counted from 0.")]
PageSize = Annotated[int, QueryParameter(ge=1, le=LARGEST_PAGE)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One field (its wire name) to sort by."""

    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """Page `number` (from 0) of `size` items, sorted by `sort` in turn, found by `q`."""

    number: int = 0
    size: int = USUAL_PAGE
    sort: tuple[Order, ...] = ()
    q: str | None = None

    @property
    def offset(self) -> int:
        """Return how many items come before the page."""
        return self.number * self.size

    def query(self, number: int) -> str:
        """Return the query string of another page of the same list."""
        pairs: list[tuple[str, str | int]] = [("page", number), ("size", self.size)]
        pairs += [("sort", f"{by.field},{'desc' if by.descending else 'asc'}") for by in self.sort]
        pairs += [("q", self.q)] if self.q else []
        return urlencode(pairs, safe=",")


def paging_of(fields: Sequence[str], *, search: bool) -> Callable[..., Paging]:
    """Make the provider of `paging` for a list that may be sorted by these wire names."""
    sorting = f"One of {', '.join(fields) or 'none'}; then ,asc or ,desc."
    searching = "Text to look for." if search else "Not used here."

    def provide_paging(
        page: PageNumber = 0,
        size: PageSize = USUAL_PAGE,
        sort: Annotated[list[str] | None, QueryParameter(description=sorting)] = None,
        q: Annotated[
            str | None, QueryParameter(max_length=LONGEST_QUERY, description=searching)
        ] = None,
    ) -> Paging:
        orders = tuple(_order(text, fields) for text in sort or ())
        return Paging(number=page, size=size, sort=orders, q=_found(q) if search else None)

    return provide_paging


def _order(text: str, fields: Sequence[str]) -> Order:
    field, _, direction = text.partition(",")
    if field not in fields or (direction or "asc") not in DIRECTIONS:
        choices = ", ".join(f"{name},{way}" for name in fields for way in DIRECTIONS)
        raise Invalid(Fault(slug="fault-choice", parameter="sort", facts={"choices": choices}))
    return Order(field=field, descending=DIRECTIONS[direction or "asc"])


def _found(q: str | None) -> str | None:
    if q and not q.isprintable():
        raise Invalid(Fault(slug="fault-characters", parameter="q"))
    return q or None
