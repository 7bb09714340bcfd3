"""The query parameters of a list: page, size, after, sort, q."""

from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, Signature
from typing import Annotated, Any, Final

from litestar.params import QueryParameter

from roadbike.kit.db.keyset import AFTER
from roadbike.kit.db.paging import DEFAULT_PAGE_SIZE, Paging, SortOrder
from roadbike.kit.pure.refusals import Fault, Invalid

MAX_PAGE_SIZE: Final = 100
MAX_PAGE_NUMBER: Final = 10_000_000
MAX_QUERY_LENGTH: Final = 200
LONGEST_PLACE: Final = 400  # characters
DIRECTIONS: Final = {"asc": False, "desc": True}

PageNumber = Annotated[int, QueryParameter(ge=0, le=MAX_PAGE_NUMBER, description="Counted from 0.")]
PageSize = Annotated[int, QueryParameter(ge=1, le=MAX_PAGE_SIZE)]
After = Annotated[
    str | None,
    QueryParameter(
        max_length=LONGEST_PLACE, description="Where the page begins, as a `next` link has it."
    ),
]
Searched = Annotated[
    str | None,
    QueryParameter(
        max_length=MAX_QUERY_LENGTH,
        description="Text to look for. Case, accents, width and composition do not count.",
    ),
]


def paging_parameters(fields: Sequence[str], *, search: bool) -> Mapping[str, tuple[Any, Any]]:
    """Return type and default of each query parameter of such a list, by name."""
    sorting = f"One of {', '.join(fields)}; then ,asc or ,desc. Once for each field."
    sort = Annotated[list[str] | None, QueryParameter(description=sorting)]
    return {
        "page": (PageNumber, 0),
        "size": (PageSize, DEFAULT_PAGE_SIZE),
        "after": (After, None),
        **({"sort": (sort, None)} if fields else {}),
        **({"q": (Searched, None)} if search else {}),
    }


def paging_of(fields: Sequence[str], *, search: bool) -> Callable[..., Paging]:
    """Return the provider of `paging` for a list that may be sorted by these names of the wire.

    `sort` may be repeated, once for each field. The provider raises Invalid (422), which names the
    wrong parameter. It has only those parameters that the list takes.
    """

    def provide_paging(
        *,
        page: int,
        size: int,
        after: str | None = None,
        sort: Sequence[str] | None = None,
        q: str | None = None,
    ) -> Paging:
        if after is not None and sort:
            raise Invalid(Fault(slug="fault-place", parameter=AFTER))  # no link has both
        orders = _orders(sort or (), fields)
        return Paging(number=page, size=size, after=after, sort=orders, q=q)

    parameters = paging_parameters(fields, search=search)
    signature = Signature(
        [
            Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=type_)
            for name, (type_, default) in parameters.items()
        ]
    )
    provide_paging.__signature__ = signature  # type: ignore[attr-defined]
    provide_paging.__annotations__ = {
        **{name: type_ for name, (type_, _) in parameters.items()},
        "return": Paging,
    }
    return provide_paging


def _orders(texts: Sequence[str], fields: Sequence[str]) -> tuple[SortOrder, ...]:
    orders: dict[str, SortOrder] = {}
    for text in texts:
        order = _order(text, fields)
        if orders.setdefault(order.field, order) is not order:
            raise Invalid(Fault(slug="fault-twice", parameter="sort"))
    return tuple(orders.values())


def _order(text: str, fields: Sequence[str]) -> SortOrder:
    field, comma, direction = text.partition(",")
    direction = direction.lower() if comma else "asc"
    if field not in fields or direction not in DIRECTIONS:
        choices = ", ".join(f"{name},{direction}" for name in fields for direction in DIRECTIONS)
        raise Invalid(Fault(slug="fault-choice", parameter="sort", facts={"choices": choices}))
    return SortOrder(field=field, descending=DIRECTIONS[direction])
