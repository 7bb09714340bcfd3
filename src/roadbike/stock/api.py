"""The catalogue over HTTP: parse, call one use case, answer."""

from functools import partial
from typing import Annotated, Any, Final

import msgspec
from litestar.params import Parameter
from msgspec import UNSET, Meta, UnsetType

from roadbike.contracts.wire_names import wire_name
from roadbike.kit.db import Database
from roadbike.kit.pure.refusals import NotFound
from roadbike.kit.web import (
    ADMIN,
    ANYONE,
    Body,
    Caller,
    Links,
    Page,
    Paging,
    Reply,
    Route,
    delete,
    etag,
    get,
    links,
    page_of,
    patch,
    post,
    put,
)
from roadbike.stock import store, use_cases
from roadbike.stock.domain import Bike
from roadbike.stock.store import LARGEST_NUMBER, SORTS

ONE_LINE: Final = Meta(  # and not blank
    pattern=r"^(?![\s\S]*[\x00-\x1f\x7f])[\s\S]*\S", extra={"fault": "fault-filled-line"}
)
NOT_BLANK: Final = Meta(pattern=r"\S", extra={"fault": "fault-blank"})

Number = Annotated[int, Meta(ge=1, le=LARGEST_NUMBER)]
BikeNumber = Annotated[int, Parameter(ge=1, le=LARGEST_NUMBER)]
Name = Annotated[str, Meta(min_length=1, max_length=200), ONE_LINE]
Price = Annotated[int, Meta(ge=1, le=10**12)]
Quantity = Annotated[int, Meta(ge=0, le=10**9)]
Brand = Annotated[str, Meta(min_length=1, max_length=100), ONE_LINE]
FrameSize = Annotated[str, Meta(min_length=1, max_length=20), ONE_LINE]
Colour = Annotated[str, Meta(min_length=1, max_length=50), ONE_LINE]
Description = Annotated[str, Meta(min_length=1, max_length=4000), NOT_BLANK]


class WholeBike(Body, frozen=True, kw_only=True, rename=wire_name):
    """What replaces a bike; what it does not name is emptied. It may be sent as it was read."""

    ignored = frozenset({"bikeId", "reserveQty", "withdrawn", "_links"})

    bike_name: Name
    price: Price
    stock_quantity: Quantity
    brand: Brand | None = None
    frame_size: FrameSize | None = None
    colour: Colour | None = None
    description: Description | None = None


class NewBike(WholeBike, frozen=True, kw_only=True, rename=wire_name):
    """A bike to be put on sale, under its number or the next one."""

    bike_id: Number | None = None


class BikeEdit(Body, frozen=True, kw_only=True, rename=wire_name):
    """What is to be changed; null empties a text."""

    bike_name: Name | UnsetType = UNSET
    price: Price | UnsetType = UNSET
    stock_quantity: Quantity | UnsetType = UNSET
    brand: Brand | UnsetType | None = UNSET
    frame_size: FrameSize | UnsetType | None = UNSET
    colour: Colour | UnsetType | None = UNSET
    description: Description | UnsetType | None = UNSET


class BikeView(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """A bike as it is shown. `withdrawn` is there (and true) when it is off sale."""

    bike_id: int
    bike_name: str
    price: int
    stock_quantity: int
    held_quantity: int
    brand: str | None
    frame_size: str | None
    colour: str | None
    description: str | None
    withdrawn: bool | UnsetType = UNSET
    links: Links


class Bikes(msgspec.Struct, frozen=True):
    """A page's bikes."""

    stocks: list[BikeView]


class StockApi:
    """`/stocks`: read by everybody, kept by admins."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def routes(self) -> list[Route]:
        return [
            get("/stocks", self.page, who=ANYONE, sort=tuple(SORTS), search=True, refuses=(401,)),
            post("/stocks", self.add, who=ADMIN, refuses=(409,)),
            get("/stocks/{bike_id:int}", self.one, who=ANYONE, refuses=(401,)),
            patch("/stocks/{bike_id:int}", self.edit, who=ADMIN, refuses=(412, 428)),
            put("/stocks/{bike_id:int}", self.replace, who=ADMIN, refuses=(412, 428)),
            delete("/stocks/{bike_id:int}", self.remove, who=ADMIN, status=204, refuses=(412, 428)),
        ]

    async def page(self, paging: Paging, caller: Caller) -> Page[Bikes]:
        """List the bikes on sale; for admins, the withdrawn ones too."""
        async with self._db.read() as tx:
            bikes, total = await store.page(tx, paging, withdrawn=caller.is_admin)
        shown = Bikes([_view(bike) for bike in bikes])
        return page_of(shown, paging, total=total, url="/stocks")

    async def one(self, bike_id: BikeNumber, caller: Caller) -> Reply[BikeView]:
        """Show one bike."""
        async with self._db.read() as tx:
            bike = await store.BIKES.get(tx, bike_id)
        if bike is None or (bike.withdrawn and not caller.is_admin):
            raise NotFound
        return _answer(bike)

    async def add(self, data: NewBike) -> Reply[BikeView]:
        """Put a new bike on sale."""
        face = msgspec.structs.asdict(data)
        number = face.pop("bike_id")
        add = partial(use_cases.register_bike, bike_id=number, face=face)
        bike = await self._db.transact(add)
        return _answer(bike, Location=f"/stocks/{bike.bike_id}")

    async def edit(self, bike_id: BikeNumber, data: BikeEdit, if_match: int) -> Reply[BikeView]:
        """Change some of a bike."""
        sent = msgspec.structs.asdict(data).items()
        changes = {name: value for name, value in sent if value is not UNSET}
        return await self._edited(bike_id, if_match, changes)

    async def replace(self, bike_id: BikeNumber, data: WholeBike, if_match: int) -> Reply[BikeView]:
        """Replace all of a bike."""
        return await self._edited(bike_id, if_match, msgspec.structs.asdict(data))

    async def remove(self, bike_id: BikeNumber, if_match: int) -> None:
        """Withdraw a bike from sale."""
        withdraw = partial(use_cases.withdraw_bike, bike_id=bike_id, version=if_match)
        await self._db.transact(withdraw)

    async def _edited(self, bike_id: int, version: int, changes: dict[str, Any]) -> Reply[BikeView]:
        edit = partial(use_cases.edit_bike, bike_id=bike_id, version=version, changes=changes)
        return _answer(await self._db.transact(edit))


def _answer(bike: Bike, **headers: str) -> Reply[BikeView]:
    return Reply(_view(bike), headers={"ETag": etag(bike.version), **headers})


def _view(bike: Bike) -> BikeView:
    itself = f"/stocks/{bike.bike_id}"
    buyable = bike.free > 0 and not bike.withdrawn
    return BikeView(
        bike_id=bike.bike_id,
        bike_name=bike.bike_name,
        price=bike.price,
        stock_quantity=bike.stock_quantity,
        held_quantity=bike.held_quantity,
        brand=bike.brand,
        frame_size=bike.frame_size,
        colour=bike.colour,
        description=bike.description,
        withdrawn=True if bike.withdrawn else UNSET,
        links=links(self=itself, reserve="/reservations") if buyable else links(self=itself),
    )
