"""Lists for staff: a page with a link to the next one, or the whole list as a table."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Final, Generic, Self, TypeVar
from urllib.parse import urlencode

import msgspec
from litestar.connection import Request
from litestar.params import QueryParameter
from msgspec import UNSET, UnsetType, field

from roadbike.kit.db import Database
from roadbike.kit.db.keyset import MOST_COUNTED, Key, Listed, Moment, place_of, read_place
from roadbike.kit.pure.refusals import Forbidden
from roadbike.kit.web.access import Caller
from roadbike.kit.web.csv import Cell, wants_csv
from roadbike.kit.web.csv_stream import CsvStream
from roadbike.kit.web.hal import Link, Reply
from roadbike.kit.web.paging import After

__all__ = [
    "DEFAULT_SIZE",
    "MAX_SIZE",
    "After",
    "Day",
    "Found",
    "ListLinks",
    "Listing",
    "Moment",
    "Place",
    "Size",
    "Slow",
    "StaffList",
    "cells_of",
    "place_of",
]

S = TypeVar("S")
T = TypeVar("T")

MAX_SIZE: Final = 100
DEFAULT_SIZE: Final = 50
AT_A_TIME: Final = 500  # rows of a table, in one transaction

Day = Annotated[
    date | None, QueryParameter(name="day", description="A day of the shop's time zone.")
]
Slow = Annotated[
    bool | None, QueryParameter(name="slow", description="Only those that take too long.")
]

Size = Annotated[int, QueryParameter(ge=1, le=MAX_SIZE)]


class ListLinks(msgspec.Struct, frozen=True, kw_only=True):
    """Links of a list; `next` is left out on the last page."""

    self: Link
    next: Link | UnsetType = UNSET


class Found(msgspec.Struct, frozen=True):
    """How many rows the filters find: `count`, and `more` when there are more than that."""

    count: int
    more: bool = False


class Listing(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A page of a list for staff. T is a Struct with one list, under its name on the wire."""

    embedded: T = field(name="_embedded")
    links: ListLinks = field(name="_links")
    found: Found


class StaffList(Generic[S]):
    """A list at one address: a page as JSON, or all of it as text/csv, as Accept asks for.

    db: where the rows are. shown: makes the body of a page of states. columns: the first row of the
    table, and cells: the row of a state.
    """

    def __init__(
        self,
        db: Database,
        url: str,
        shown: Callable[[list[S]], msgspec.Struct],
        columns: Sequence[str],
        cells: Callable[[S], Sequence[Cell]],
    ) -> None:
        self._db = db
        self._url = url
        self._shown = shown
        self._columns = columns
        self._cells = cells

    async def answer(
        self,
        request: Request[Any, Any, Any],
        listed: Listed[S],
        filters: Mapping[str, object],
        place: "Place",
    ) -> Reply[Any]:
        """Return the page at that place, or the whole list as a table.

        filters: the query parameters of the request by their names on the wire, which the links
        repeat; those that are None are left out. Raises Forbidden: only admins export tables.
        """
        if wants_csv(request):
            caller: Caller = request.scope["caller"]  # type: ignore[typeddict-item]
            if not caller.is_admin:
                raise Forbidden
            name = f"{self._url.strip('/').replace('/', '-')}.csv"
            return CsvStream(name, self._columns, self._all_cells(listed))
        async with self._db.read() as tx:
            states, following = await listed.page(tx, place.key, place.size)
            count = await listed.count(tx)
        links = ListLinks(
            self=self._link(filters, place.size, place.after),
            next=self._link(filters, place.size, place_of(following)) if following else UNSET,
        )
        found = Found(min(count, MOST_COUNTED), more=count > MOST_COUNTED)
        page: Listing[Any] = Listing(embedded=self._shown(states), links=links, found=found)
        return Reply(page, headers={"Vary": "Accept"})

    async def _all_cells(self, listed: Listed[S]) -> AsyncGenerator[list[Sequence[Cell]], None]:
        """Yield the table in parts, each read in a transaction of its own."""
        key: Key | None = None
        while True:
            async with self._db.read() as tx:
                states, key = await listed.page(tx, key, AT_A_TIME)
            yield [self._cells(state) for state in states]
            if key is None:
                return

    def _link(self, filters: Mapping[str, object], size: int, after: str | None) -> Link:
        given = {name: _text(value) for name, value in filters.items() if value is not None}
        more = {"size": str(size)} | ({"after": after} if after else {})
        return Link(f"{self._url}?{urlencode(given | more)}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: after the key that the parameter `after` has; and its size."""

    after: str | None
    key: Key | None
    size: int

    @classmethod
    def of(cls, after: str | None, size: int, *types: Any) -> Self:
        """Return the place that a request asks for; the values of its key have these types.

        Raises Invalid (422), which names `after`, for a text that no link of the list has.
        """
        if after is None:
            return cls(None, None, size)
        return cls(after, read_place(after, *types), size)


def cells_of(state: object, fields: Sequence[str]) -> list[Cell]:
    """Return the row of a table with these attributes of the state; times are in ISO 8601, UTC."""
    return [_cell(getattr(state, field)) for field in fields]


def _cell(value: Any) -> Cell:
    if isinstance(value, bool):
        return _text(value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    return value if value is None or isinstance(value, int) else str(value)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
