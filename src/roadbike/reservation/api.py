"""Reservations over HTTP: parse, call one use case, answer."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec

from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import ReservationStatus
from roadbike.contracts.wire_names import wire_name
from roadbike.kit import idempotency
from roadbike.kit.db import Database
from roadbike.kit.db.ids import new_id
from roadbike.kit.idempotency import Key
from roadbike.kit.resilience.deadline import current_deadline
from roadbike.kit.web import (
    ANYONE,
    BUYER,
    Body,
    Caller,
    KeyHeader,
    Line,
    Links,
    Page,
    Paging,
    Reply,
    Route,
    checked_key,
    delete,
    get,
    links,
    page_of,
    patch,
    post,
)
from roadbike.reservation import store
from roadbike.reservation.domain import Bike, Reservation, is_cancelled
from roadbike.reservation.use_cases.cancel import cancel_reservation
from roadbike.reservation.use_cases.reserve import Desk, Order

HIGHEST_BIKE_ID: Final = 2**31 - 1
HIGHEST_PRICE: Final = 10**12  # KRW
ZIP_CODE: Final = r"^[0-9A-Za-z -]{3,10}$(?!\n)"  # "$" alone stands before a last newline too


class NewReservation(Body, frozen=True, rename=wire_name):
    """What a buyer sends. The server's own wire names are ignored: old clients send them."""

    ignored = frozenset(
        {
            *("reserveId", "reserveStatus", "reserveDt", "reserveStore", "userId", "bikeNm"),
            *("payId", "payStatus", "deliveryId", "deliveryStatus", "stockStatus", "_links"),
        }
    )

    bike_id: Annotated[int, msgspec.Meta(ge=1, le=HIGHEST_BIKE_ID)]
    price: Annotated[int, msgspec.Meta(ge=1, le=HIGHEST_PRICE)] | None = None
    user_name: Line | None = None
    zip_code: Annotated[str, msgspec.Meta(pattern=ZIP_CODE)] | None = None
    address: Line | None = None


class Change(StrEnum):
    """What a buyer may ask for."""

    CANCELLED = ReservationStatus.CANCELLED


class Cancelling(Body, frozen=True, rename=wire_name):
    reservation_status: Change


class ReservationView(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    reservation_id: UUID
    bike_id: int
    bike_name: str
    user_id: str
    user_name: str | None
    store_name: str
    reserved_at: datetime
    reservation_status: ReservationStatus
    price: int
    zip_code: str | None
    address: str | None
    links: Links = {}


class Reservations(msgspec.Struct, frozen=True):
    reservations: list[ReservationView]


class BikeView(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """A bike of the catalogue's copy. free: units that may still be reserved, at that time."""

    bike_id: int
    bike_name: str
    price: int
    brand: str | None
    frame_size: str | None
    colour: str | None
    free: int
    as_of: datetime
    links: Links = {}


class Bikes(msgspec.Struct, frozen=True):
    stocks: list[BikeView]


class ReservationApi:
    def __init__(self, db: Database, desk: Desk) -> None:
        self.db = db
        self.desk = desk

    def routes(self) -> list[Route]:
        at = "/reservations/{reservation_id:uuid}"
        return [
            post("/reservations", self.reserve, who=BUYER, refuses=(404, 409)),
            get("/reservations", self.list, who=BUYER, sort=tuple(store.SORTABLE)),
            get(
                "/reservations/catalogue",
                self.catalogue,
                who=ANYONE,
                sort=("price",),
                public_cache=True,
            ),
            get(at, self.get, who=BUYER),
            patch(at, self.change, who=BUYER, refuses=(409,)),
            delete(at, self.cancel, who=BUYER, refuses=(409,)),
        ]

    async def reserve(
        self,
        data: NewReservation,
        caller: Caller,
        idempotency_key: KeyHeader = None,
    ) -> Reply[bytes]:
        """Reserve one bike; its payment is open when this answers 201."""
        order = Order(
            reservation_id=new_id(),
            user_id=caller.user_id,
            bike_id=data.bike_id,
            seen_price=data.price,
            user_name=data.user_name,
            zip_code=data.zip_code,
            address=data.address,
            key=_key(checked_key(idempotency_key), caller, data),
        )
        receipt = await self.desk.reserve(order, current_deadline.get())
        return Reply(
            receipt.answer, headers={"Location": f"/reservations/{receipt.reservation_id}"}
        )

    async def list(self, caller: Caller, paging: Paging) -> Page[Reservations]:
        """One's own reservations, newest first; all of them for staff."""
        async with self.db.read() as tx:
            found, total = await store.page(tx, paging, owner=_owner(caller))
        views = Reservations(reservations=[view(reservation) for reservation in found])
        return page_of(views, paging, total=total, url="/reservations")

    async def catalogue(self, paging: Paging) -> Page[Bikes]:
        """What can be reserved, as far as stock has told: also while stock is away."""
        async with self.db.read() as tx:
            found, total = await store.catalogue(tx, paging)
        bikes = Bikes(stocks=[_bike_view(bike) for bike in found])
        return page_of(bikes, paging, total=total, url="/reservations/catalogue")

    async def get(self, reservation_id: UUID, caller: Caller) -> ReservationView:
        """One reservation."""
        async with self.db.read() as tx:
            return view(await store.get(tx, reservation_id, owner=_owner(caller)))

    async def change(
        self,
        reservation_id: UUID,
        data: Cancelling,  # noqa: ARG002  there is no other change
        caller: Caller,
    ) -> ReservationView:
        """Cancel, by setting the status."""
        return await self.cancel(reservation_id, caller)

    async def cancel(self, reservation_id: UUID, caller: Caller) -> ReservationView:
        """Cancel; the row is kept and answered."""
        reason = Reason.STAFF if caller.is_admin else Reason.BUYER
        return view(
            await self.db.transact(
                lambda tx: cancel_reservation(tx, reservation_id, reason, owner=_owner(caller))
            )
        )


def view(reservation: Reservation) -> ReservationView:
    fields = msgspec.convert(reservation, ReservationView, from_attributes=True)
    return msgspec.structs.replace(fields, links=_links(reservation))


def _bike_view(bike: Bike) -> BikeView:
    fields = msgspec.convert(bike, BikeView, from_attributes=True)
    left = max(0, bike.free - bike.unanswered)
    return msgspec.structs.replace(
        fields, free=left, links=links(bike=f"/stocks/{bike.bike_id}", reserve="/reservations")
    )


def render(reservation: Reservation) -> bytes:
    """The answer to a reservation made, to be kept and replayed byte for byte."""
    return msgspec.json.encode(view(reservation))


def _links(reservation: Reservation) -> Links:
    own = f"/reservations/{reservation.reservation_id}"
    related = links(
        self=own,
        payment=f"/payments?reserveId={reservation.reservation_id}",
        myPage=f"/myPages/{reservation.reservation_id}",
    )
    return related if is_cancelled(reservation) else related | links(cancel=own)


def _owner(caller: Caller) -> str | None:
    return None if caller.is_admin else caller.user_id


def _key(key: str | None, caller: Caller, body: NewReservation) -> Key | None:
    if key is None:
        return None
    return Key(
        user_id=caller.user_id,
        route="POST /reservations",
        key=key,
        fingerprint=idempotency.fingerprint(body),
    )
