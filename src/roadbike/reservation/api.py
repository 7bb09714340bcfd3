"""Reservations over HTTP: parse, call one use case, answer."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from litestar.connection import Request
from msgspec import UNSET, UnsetType

from roadbike.contracts.audit import Why
from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import ReservationStatus
from roadbike.contracts.types import Address, BikeId, Name, Phone, Price, ZipCode
from roadbike.contracts.wire_names import wire_name
from roadbike.kit import idempotency
from roadbike.kit.db import Database, Tx
from roadbike.kit.db.ids import new_id
from roadbike.kit.db.table_state import table_state
from roadbike.kit.idempotency import Key
from roadbike.kit.pure.refusals import Forbidden
from roadbike.kit.resilience.deadline import current_deadline
from roadbike.kit.web import (
    ANYONE,
    BUYER,
    USER,
    Body,
    Caller,
    KeyHeader,
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
    view,
)
from roadbike.kit.web.audit_log import WhyParameter
from roadbike.kit.web.conditions import is_known, weak_etag
from roadbike.kit.web.hal import unchanged
from roadbike.reservation import domain, store
from roadbike.reservation.domain import Bike, Reservation
from roadbike.reservation.use_cases.cancel import cancel_reservation
from roadbike.reservation.use_cases.desk import ReservationDesk
from roadbike.reservation.use_cases.steps import ReservationRequest


class NewReservation(Body, frozen=True, rename=wire_name):
    """What a buyer sends. Fields that only the server sets are ignored: old clients send them."""

    ignored = frozenset(
        {
            *("reserveId", "reserveStatus", "reserveDt", "reserveStore", "userId", "bikeNm"),
            *("payId", "payStatus", "deliveryId", "deliveryStatus", "stockStatus", "_links"),
        }
    )

    bike_id: BikeId
    price: Price | None = None
    user_name: Name | None = None
    phone: Phone | None = None
    zip_code: ZipCode | None = None
    address: Address | None = None


class Change(StrEnum):
    """The status that a client may set."""

    CANCELLED = ReservationStatus.CANCELLED


class Cancelling(Body, frozen=True, rename=wire_name):
    """A cancel. why: the reason of staff, for the audit log."""

    reservation_status: Change
    why: Why | None = None


class ReservationView(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """A reservation; without its price for a clerk."""

    reservation_id: UUID
    bike_id: int
    bike_name: str
    user_id: str
    user_name: str | None
    phone: str | None
    store_name: str
    reserved_at: datetime
    reservation_status: ReservationStatus
    price: int | UnsetType
    zip_code: str | None
    address: str | None
    links: Links = {}


class Reservations(msgspec.Struct, frozen=True):
    reservations: list[ReservationView]


class BikeView(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """A bike of the copy of the catalogue; free: units available to reserve, as of that time."""

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
    def __init__(self, db: Database, desk: ReservationDesk) -> None:
        self.db = db
        self.desk = desk

    def routes(self) -> list[Route]:
        one = "/reservations/{reservation_id:uuid}"
        return [
            post(
                "/reservations",
                self.reserve,
                who=BUYER,
                refuses=(404, 409),
                hot=True,
                admit=self.desk.admit,
            ),
            get("/reservations", self.page, who=USER, sort=tuple(store.SORTABLE)),
            get(
                "/reservations/catalogue",
                self.catalogue,
                who=ANYONE,
                sort=tuple(store.CATALOGUE_SORTABLE),
                public_cache=True,
            ),
            get(one, self.get, who=USER),
            patch(one, self.change, who=BUYER, refuses=(409,)),
            delete(one, self.cancel, who=BUYER, refuses=(409,)),
        ]

    async def reserve(
        self,
        data: NewReservation,
        caller: Caller,
        idempotency_key: KeyHeader = None,
    ) -> Reply[bytes]:
        """Reserve one bike; a 201 means that its payment was created too."""
        request = ReservationRequest(
            reservation_id=new_id(),
            user_id=caller.user_id,
            bike_id=data.bike_id,
            seen_price=data.price,
            user_name=data.user_name,
            phone=data.phone,
            zip_code=data.zip_code,
            address=data.address,
            key=_key(checked_key(idempotency_key), caller, data),
        )
        receipt = await self.desk.reserve(request, current_deadline.get())
        location = f"/reservations/{receipt.reservation_id}"
        return Reply(receipt.answer, headers={"Location": location})

    async def page(self, caller: Caller, paging: Paging) -> Page[Reservations]:
        """List the caller's reservations, for staff those of everyone; newest first by default."""
        if not _sees_prices(caller) and any(order.field == "price" for order in paging.sort):
            raise Forbidden  # the order would show what is left out
        async with self.db.read() as tx:
            found, total, following = await store.page(tx, paging, owner=caller.owner)
        views = Reservations(reservations=[_shown(reservation, caller) for reservation in found])
        return page_of(views, paging, total=total, following=following, url="/reservations")

    async def catalogue(
        self, request: Request[Any, Any, Any], paging: Paging, caller: Caller
    ) -> Reply[Page[Bikes]]:
        """List the bikes on sale from reservation's own copy, which works without stock.

        The ETag is of the whole list: while it stays the same, no page has changed.
        """
        overbook = self.desk.terms.overbook
        async with self.db.read() as tx:
            may_reserve = await self._may_reserve(tx, caller)
            tag = weak_etag(await table_state(tx, store.BIKE), overbook, int(may_reserve))
            headers = {"ETag": tag, "Vary": "Authorization"}
            if is_known(request, tag):
                return unchanged(headers)
            found, total, following = await store.catalogue_page(tx, paging)
        bikes = Bikes(
            stocks=[
                _bike_view(bike, domain.available(bike, overbook), may_reserve=may_reserve)
                for bike in found
            ]
        )
        page = page_of(
            bikes, paging, total=total, following=following, url="/reservations/catalogue"
        )
        return Reply(page, headers=headers)

    async def _may_reserve(self, tx: Tx, caller: Caller) -> bool:
        """Return whether the caller is logged in and may have one more open reservation."""
        limit = self.desk.terms.max_open
        if not caller.user_id or not limit:
            return bool(caller.user_id)
        open_ = await store.count_open(tx, [caller.user_id])
        return domain.may_open(open_.get(caller.user_id, 0), limit)

    async def get(self, reservation_id: UUID, caller: Caller) -> ReservationView:
        """Return one reservation."""
        async with self.db.read() as tx:
            return _shown(await store.get(tx, reservation_id, owner=caller.owner), caller)

    async def change(
        self,
        reservation_id: UUID,
        data: Cancelling,
        caller: Caller,
    ) -> ReservationView:
        """Cancel the reservation, by setting its status."""
        return await self.cancel(reservation_id, caller, data.why)

    async def cancel(
        self, reservation_id: UUID, caller: Caller, why: WhyParameter = None
    ) -> ReservationView:
        """Cancel the reservation and return it as it is kept."""
        if why is not None and not caller.is_admin:
            raise Forbidden
        reason = Reason.STAFF if caller.is_admin else Reason.BUYER
        return _view(
            await self.db.transact(
                lambda tx: cancel_reservation(
                    tx, reservation_id, reason, by=caller.user_id, owner=caller.owner, why=why
                )
            )
        )


def render(reservation: Reservation) -> bytes:
    """Return the body of the 201, which is stored and replayed byte for byte."""
    return msgspec.json.encode(_view(reservation))


def _shown(reservation: Reservation, caller: Caller) -> ReservationView:
    """Return the reservation as the caller may see it: a clerk sees no price and no payment."""
    whole = _view(reservation)
    if _sees_prices(caller):
        return whole
    return msgspec.structs.replace(whole, price=UNSET, links={"self": whole.links["self"]})


def _sees_prices(caller: Caller) -> bool:
    """Return whether the caller may see what the reservations cost that are shown to them."""
    return caller.is_admin or not caller.is_staff


def _view(reservation: Reservation) -> ReservationView:
    return view(ReservationView, reservation, _links(reservation))


def _links(reservation: Reservation) -> Links:
    own = f"/reservations/{reservation.reservation_id}"
    related = links(
        self=own,
        payment=f"/payments?reserveId={reservation.reservation_id}",
        myPage=f"/myPages/{reservation.reservation_id}",
    )
    return related | links(cancel=own) if domain.may_be_cancelled(reservation) else related


def _bike_view(bike: Bike, available: int, *, may_reserve: bool) -> BikeView:
    related = links(bike=f"/stocks/{bike.bike_id}")
    if may_reserve and available > 0:
        related |= links(reserve="/reservations")
    return msgspec.structs.replace(view(BikeView, bike, related), free=max(0, available))


def _key(key: str | None, caller: Caller, body: NewReservation) -> Key | None:
    if key is None:
        return None
    return Key(
        user_id=caller.user_id,
        route="POST /reservations",
        key=key,
        fingerprint=idempotency.fingerprint(body),
    )
