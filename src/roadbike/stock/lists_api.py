"""Staff's list of bikes over HTTP, as JSON or text/csv; and the import of such a table."""

import asyncio
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final

import msgspec
from litestar.connection import Request
from litestar.params import QueryParameter

from roadbike.contracts.types import MAX_BIKE_ID, BikeId
from roadbike.contracts.wire_names import wire_name
from roadbike.kit.db import Database
from roadbike.kit.pure.refusals import Fault, Invalid, UnsupportedMedia
from roadbike.kit.web import ADMIN, STAFF, Caller, Links, Reply, Route, get, links, post, view
from roadbike.kit.web.bodies import Reader
from roadbike.kit.web.csv import CSV
from roadbike.kit.web.listing import DEFAULT_SIZE, After, Listing, Place, Size, StaffList
from roadbike.stock import use_cases
from roadbike.stock.api import WholeBike
from roadbike.stock.csv_file import COLUMNS, Line, at, lines_of, values_of
from roadbike.stock.domain import Bike, ImportRow
from roadbike.stock.lists import Filters, listed

URL: Final = "/stocks/all"
MAX_QUERY: Final = 200  # characters
MAX_FILE_BYTES: Final = 4 * 1024 * 1024
AT_A_TIME: Final = 200  # rows that are read before other requests have their turn
MOST_FAULTS: Final = 500  # that one answer names
BikeNumber = Annotated[int, msgspec.Meta(ge=1, le=MAX_BIKE_ID)]


class BikeRow(WholeBike, frozen=True, kw_only=True, rename=wire_name):
    """A row of the file. version: as it was exported; without one it is a new bike."""

    bike_id: BikeId
    version: Annotated[int, msgspec.Meta(ge=1, le=MAX_BIKE_ID)] | None = None
    on_sale: bool | None = None


class ListedBike(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """A bike in staff's list. changed_by: the user id of who changed it last."""

    bike_id: int
    bike_name: str
    price: int
    stock_quantity: int
    held_quantity: int
    free: int
    brand: str | None
    frame_size: str | None
    colour: str | None
    withdrawn: bool
    version: int
    changed_by: str | None
    changed_at: datetime | None
    links: Links = {}


class ListedBikes(msgspec.Struct, frozen=True):
    """The bikes of one page."""

    stocks: list[ListedBike]


class Imported(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What an import did, or with `dryRun` would do: numbers of bikes."""

    new: int
    changed: int
    unchanged: int
    dry_run: bool


class StockLists:
    """`/stocks/all` for staff, and `/stocks/import` for admins."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.list = StaffList(db, URL, _shown, COLUMNS, _cells)
        self.reader = Reader(BikeRow)

    def routes(self) -> list[Route]:
        refuses, size = (413, 415), MAX_FILE_BYTES
        return [
            get(URL, self.everything, who=STAFF),
            post(
                "/stocks/import", self.take, who=ADMIN, status=200, refuses=refuses, max_body=size
            ),
        ]

    async def everything(
        self,
        request: Request[Any, Any, Any],
        *,
        q: Annotated[str | None, QueryParameter(max_length=MAX_QUERY)] = None,
        low: Annotated[bool | None, QueryParameter(description="Few units are left.")] = None,
        withdrawn: Annotated[bool | None, QueryParameter(description="Those, too.")] = None,
        after: After = None,
        size: Size = DEFAULT_SIZE,
    ) -> Reply[Listing[ListedBikes]]:
        """List the bikes by number; as text/csv, which can be imported, if Accept says so."""
        place = Place.of(after, size, BikeNumber)
        filters = Filters(q=q, low=low, withdrawn=withdrawn)
        return await self.list.answer(request, listed(filters), asdict(filters), place)

    async def take(
        self,
        request: Request[Any, Any, Any],
        caller: Caller,
        dry_run: Annotated[bool | None, QueryParameter(name="dryRun")] = None,
    ) -> Imported:
        """Import a table of bikes (text/csv): all of it, or nothing when a row is wrong.

        Faults name the line and the column as a pointer, for example "/12/price".
        """
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != CSV:
            raise UnsupportedMedia
        rows, faults = await self._read(lines_of(await request.body()))
        work = partial(
            use_cases.import_bikes, rows=rows, by=caller.user_id, dry_run=bool(dry_run or faults)
        )
        done = await self.db.transact(work)
        faults += [
            Fault(slug=each.slug, pointer=f"/{each.line}/{wire_name(each.field)}", facts=each.facts)
            for each in done.faults
        ]
        if faults:
            raise _refused(faults)
        return Imported(
            new=done.new, changed=done.changed, unchanged=done.unchanged, dry_run=bool(dry_run)
        )

    async def _read(self, lines: Iterable[Line]) -> tuple[list[ImportRow], list[Fault]]:
        """Return the rows that can be read, and what is wrong with the others."""
        rows: dict[int, ImportRow] = {}
        faults: list[Fault] = []
        for line in lines:
            if line.number % AT_A_TIME == 0:
                await asyncio.sleep(0)
            try:
                row = _row(line, values_of(line, self.reader))
            except Invalid as refusal:
                faults += refusal.faults
                continue
            if row.bike_id in rows:
                faults.append(at(line, "bikeId", "fault-twice"))
            rows.setdefault(row.bike_id, row)
        return list(rows.values()), faults


def _refused(faults: list[Fault]) -> Invalid:
    faults.sort(key=lambda fault: int((fault.pointer or "/0/").split("/")[1]))
    refusal = Invalid(*faults[:MOST_FAULTS])
    refusal.extra = {"faultCount": len(faults)}
    return refusal


def _row(line: Line, read: BikeRow) -> ImportRow:
    given = msgspec.structs.asdict(read)
    fixed = {name: given.pop(name) for name in ("bike_id", "version", "on_sale")}
    fields = {name: value for name, value in given.items() if wire_name(name) in line.cells}
    return ImportRow(line=line.number, fields=fields, **fixed)


def _shown(found: list[Bike]) -> ListedBikes:
    return ListedBikes([_view(each) for each in found])


def _view(bike: Bike) -> ListedBike:
    return view(ListedBike, bike, links(self=f"/stocks/{bike.bike_id}"))


def _cells(bike: Bike) -> list[Any]:
    return [
        *(bike.bike_id, bike.version, bike.bike_name, bike.brand, bike.frame_size, bike.colour),
        *(bike.price, bike.stock_quantity, bike.held_quantity),
        *("false" if bike.withdrawn else "true", bike.description),
    ]
