"""The HTTP API of stock: parse, call one use case, answer."""

from datetime import datetime
from functools import partial
from typing import Annotated, Any

import msgspec
from litestar.connection import Request
from litestar.params import Parameter
from msgspec import UNSET, UnsetType

from roadbike.contracts.audit import Why
from roadbike.contracts.geometry import Geometry
from roadbike.contracts.types import (
    MAX_BIKE_ID,
    BikeId,
    Brand,
    Colour,
    Description,
    FrameSize,
    Name,
    Price,
    Quantity,
)
from roadbike.contracts.wire_names import wire_name
from roadbike.kit.db import Database
from roadbike.kit.db.table_state import table_state
from roadbike.kit.pure.conditions import Precondition
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
    view,
)
from roadbike.kit.web.audit_log import WhyParameter
from roadbike.kit.web.conditions import is_known, weak_etag
from roadbike.kit.web.hal import unchanged
from roadbike.stock import store, use_cases
from roadbike.stock.domain import BelowHeld, Bike, BikeExists

BikeIdInPath = Annotated[int, Parameter(ge=1, le=MAX_BIKE_ID)]


class WholeBike(Body, frozen=True, kw_only=True, rename=wire_name):
    """The new content of a bike; an optional field that is left out is emptied.

    What GET returns can be sent back: the members that the server owns are ignored.
    why: the reason, for the audit log.
    """

    ignored = frozenset({"bikeId", "reserveQty", "withdrawn", "changedBy", "changedAt", "_links"})

    bike_name: Name
    price: Price
    stock_quantity: Quantity
    brand: Brand | None = None
    frame_size: FrameSize | None = None
    colour: Colour | None = None
    description: Description | None = None
    geometry: Geometry | None = None
    why: Why | None = None


class NewBike(WholeBike, frozen=True, kw_only=True, rename=wire_name):
    """A new bike; without a bikeId it gets the next free number."""

    bike_id: BikeId | None = None


class BikeEdit(Body, frozen=True, kw_only=True, rename=wire_name):
    """The fields of a bike to change; null empties a text or the geometry.

    on_sale: true puts a withdrawn bike back on sale, false withdraws it as DELETE does.
    why: the reason, for the audit log.
    """

    bike_name: Name | UnsetType = UNSET
    price: Price | UnsetType = UNSET
    stock_quantity: Quantity | UnsetType = UNSET
    brand: Brand | UnsetType | None = UNSET
    frame_size: FrameSize | UnsetType | None = UNSET
    colour: Colour | UnsetType | None = UNSET
    description: Description | UnsetType | None = UNSET
    geometry: Geometry | UnsetType | None = UNSET
    on_sale: bool | UnsetType = UNSET
    why: Why | None = None


class BikeView(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name, omit_defaults=True):
    """A bike of the catalogue. `withdrawn` (always true) is present when it is off sale.

    changed_by, changed_at: who of staff changed it last, and when; present for staff only.
    """

    bike_id: int
    bike_name: str
    price: int
    stock_quantity: int
    held_quantity: int
    brand: str | None
    frame_size: str | None
    colour: str | None
    description: str | None
    geometry: Geometry | None
    withdrawn: bool = False
    changed_by: str | None = None
    changed_at: datetime | None = None
    links: Links = {}


class Bikes(msgspec.Struct, frozen=True):
    """The bikes of one page."""

    stocks: list[BikeView]


class StockApi:
    """`/stocks`: read by everybody, changed by admins."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def routes(self) -> list[Route]:
        bike = "/stocks/{bike_id:int}"
        sortable = tuple(store.SORTABLE)
        return [
            get("/stocks", self.page, who=ANYONE, sort=sortable, search=True, refuses=(401,)),
            post("/stocks", self.add, who=ADMIN, refuses=(409,)),
            get(bike, self.get, who=ANYONE, refuses=(401,)),
            patch(bike, self.edit, who=ADMIN, refuses=(412, 428)),
            put(bike, self.replace, who=ADMIN, refuses=(412, 428)),
            delete(bike, self.remove, who=ADMIN, status=204, refuses=(412, 428)),
        ]

    async def page(
        self, request: Request[Any, Any, Any], paging: Paging, caller: Caller
    ) -> Reply[Page[Bikes]]:
        """List the bikes on sale; for staff, the withdrawn ones too.

        The ETag is of the whole list: while it stays the same, no page has changed. A search and
        a sorted list have none.
        """
        async with self.db.read() as tx:
            headers = {"Vary": "Authorization"}
            if paging.q is None and not paging.sort:  # these use texts that have no version
                role = "admin" if caller.is_admin else "staff" if caller.is_staff else "all"
                headers["ETag"] = weak_etag(await table_state(tx, store.BIKE), role)
                if is_known(request, headers["ETag"]):
                    return unchanged(headers)
            found, total, following = await store.page(tx, paging, withdrawn=caller.is_staff)
        shown = Bikes([_view(bike, caller) for bike in found])
        return Reply(
            page_of(shown, paging, total=total, following=following, url="/stocks"), headers=headers
        )

    async def get(self, bike_id: BikeIdInPath, caller: Caller) -> Reply[BikeView]:
        """Show one bike."""
        async with self.db.read() as tx:
            return _reply(await store.get(tx, bike_id, withdrawn=caller.is_staff), caller)

    async def add(self, data: NewBike, caller: Caller) -> Reply[BikeView]:
        """Put a new bike on sale."""
        fields = msgspec.structs.asdict(data)
        bike_id, why = fields.pop("bike_id"), fields.pop("why")
        register = partial(
            use_cases.register_bike, bike_id=bike_id, fields=fields, by=caller.user_id, why=why
        )
        try:
            bike = await self.db.transact(register)
        except BikeExists as refusal:
            refusal.pointer = "/bikeId"
            raise
        return _reply(bike, caller, Location=f"/stocks/{bike.bike_id}")

    async def edit(
        self, bike_id: BikeIdInPath, data: BikeEdit, if_match: Precondition, caller: Caller
    ) -> Reply[BikeView]:
        """Change some fields of a bike."""
        sent = msgspec.structs.asdict(data).items()
        changes = {name: value for name, value in sent if value is not UNSET}
        on_sale = changes.pop("on_sale", None)
        return await self._edited(bike_id, if_match, changes, caller, on_sale=on_sale)

    async def replace(
        self, bike_id: BikeIdInPath, data: WholeBike, if_match: Precondition, caller: Caller
    ) -> Reply[BikeView]:
        """Replace a bike."""
        return await self._edited(bike_id, if_match, msgspec.structs.asdict(data), caller)

    async def remove(
        self,
        bike_id: BikeIdInPath,
        if_match: Precondition,
        caller: Caller,
        why: WhyParameter = None,
    ) -> None:
        """Withdraw a bike from sale."""
        withdraw = partial(
            use_cases.withdraw_bike, bike_id=bike_id, condition=if_match, by=caller.user_id, why=why
        )
        await self.db.transact(withdraw)

    async def _edited(
        self,
        bike_id: int,
        condition: Precondition,
        changes: dict[str, Any],
        caller: Caller,
        *,
        on_sale: bool | None = None,
    ) -> Reply[BikeView]:
        edit = partial(
            use_cases.edit_bike,
            bike_id=bike_id,
            condition=condition,
            why=changes.pop("why"),
            changes=changes,
            on_sale=on_sale,
            by=caller.user_id,
        )
        try:
            return _reply(await self.db.transact(edit), caller)
        except BelowHeld as refusal:
            refusal.pointer = "/stockQty"
            raise


def _reply(bike: Bike, caller: Caller, **headers: str) -> Reply[BikeView]:
    return Reply(_view(bike, caller), headers={"ETag": etag(bike.version), **headers})


def _view(bike: Bike, caller: Caller) -> BikeView:
    """Return the bike with links to what staff may do.

    None of them reserves it: whether it can be reserved, only reservation's catalogue knows.
    """
    path = f"/stocks/{bike.bike_id}"
    shown = links(self=path)
    if caller.is_admin:
        shown |= links(edit=path, **{"putOnSale" if bike.withdrawn else "withdraw": path})
    whole = view(BikeView, bike, shown)
    if caller.is_admin:
        return whole
    return msgspec.structs.replace(whole, changed_by=None, changed_at=None)
