"""The query parameters of a list: page, size, sort, q."""

from collections.abc import Callable, Sequence
from typing import Annotated, Final

from litestar.params import QueryParameter

from roadbike.kit.db.paging import DEFAULT_PAGE_SIZE, Paging, SortOrder
from roadbike.kit.pure.refusals import Fault, Invalid

MAX_PAGE_SIZE: Final = 100
MAX_PAGE_NUMBER: Final = 10_000_000
MAX_QUERY_LENGTH: Final = 200
DIRECTIONS: Final = {"asc": False, "desc": True}

PageNumber = Annotated[int, QueryParameter(ge=0, le=MAX_PAGE_NUMBER, description="Counted from 0.")]
PageSize = Annotated[int, QueryParameter(ge=1, le=MAX_PAGE_SIZE)]


def paging_of(fields: Sequence[str], *, search: bool) -> Callable[..., Paging]:
    """Return the provider of `paging` for a list that may be sorted by these names of the wire.

    `sort` may be repeated, once for each field. The provider raises Invalid (422), which names the
    wrong parameter.
    """
    sorting = f"One of {', '.join(fields) or 'none'}; then ,asc or ,desc."
    searching = "Text to look for." if search else "Not used here."

    def provide_paging(
        page: PageNumber = 0,
        size: PageSize = DEFAULT_PAGE_SIZE,
        sort: Annotated[list[str] | None, QueryParameter(description=sorting)] = None,
        q: Annotated[
            str | None, QueryParameter(max_length=MAX_QUERY_LENGTH, description=searching)
        ] = None,
    ) -> Paging:
        orders = _orders(sort or (), fields)
        return Paging(number=page, size=size, sort=orders, q=_printable(q) if search else None)

    return provide_paging


def _orders(texts: Sequence[str], fields: Sequence[str]) -> tuple[SortOrder, ...]:
    orders: dict[str, SortOrder] = {}
    for text in texts:
        order = _order(text, fields)
        if orders.setdefault(order.field, order) is not order:
            raise Invalid(Fault(slug="fault-twice", parameter="sort"))
    return tuple(orders.values())


def _order(text: str, fields: Sequence[str]) -> SortOrder:
    field, _, direction = text.partition(",")
    if field not in fields or (direction or "asc") not in DIRECTIONS:
        choices = ", ".join(f"{name},{direction}" for name in fields for direction in DIRECTIONS)
        raise Invalid(Fault(slug="fault-choice", parameter="sort", facts={"choices": choices}))
    return SortOrder(field=field, descending=DIRECTIONS[direction or "asc"])


def _printable(q: str | None) -> str | None:
    if q and not q.isprintable():
        raise Invalid(Fault(slug="fault-characters", parameter="q"))
    return q or None
