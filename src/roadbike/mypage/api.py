"""The HTTP API of my page: parse, read, answer."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import (
    DeliveryStatus,
    PaymentStatus,
    ReservationStatus,
    StockStatus,
)
from roadbike.contracts.wire_names import wire_name
from roadbike.kit.db import Database
from roadbike.kit.web import BUYER, Caller, Links, Page, Paging, Route, get, links, page_of, view
from roadbike.mypage import domain, store
from roadbike.mypage.domain import Actor, Purchase
from roadbike.mypage.store import StoredEvent


class MyPage(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """One purchase, flat: its reservation, payment, delivery and stock status.

    pay_until: when the payment expires if it is still due. The address is the parcel's, and the
    reservation's before there is a parcel.
    """

    reservation_id: UUID
    bike_id: int
    bike_name: str
    user_id: str
    user_name: str | None
    store_name: str
    reserved_at: datetime
    reservation_status: ReservationStatus
    price: int
    phone: str | None
    zip_code: str | None
    address: str | None
    payment_id: UUID | None
    payment_status: PaymentStatus | None
    pay_until: datetime | None
    delivery_id: UUID | None
    delivery_status: DeliveryStatus | None
    delivered_at: datetime | None
    carrier: str | None
    tracking_number: str | None
    stock_status: StockStatus
    links: Links = {}


class MyPages(msgspec.Struct, frozen=True, rename=wire_name):
    """The purchases of one page."""

    my_pages: list[MyPage]


class Step(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """One event of a purchase, with the status that it set.

    by: who cancelled the reservation or moved the parcel: the buyer or the shop, never a name.
    """

    event: str
    reservation_status: ReservationStatus | UnsetType = UNSET
    stock_status: StockStatus | UnsetType = UNSET
    payment_status: PaymentStatus | UnsetType = UNSET
    delivery_status: DeliveryStatus | UnsetType = UNSET
    reason: Reason | UnsetType = UNSET
    by: Actor | UnsetType = UNSET
    at: datetime


DETAILS: Final = [name for name in Step.__struct_fields__ if name not in {"event", "by", "at"}]


class Steps(msgspec.Struct, frozen=True):
    """The events of one purchase, oldest first."""

    timeline: list[Step]


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """The events of one purchase, in HAL."""

    embedded: Steps = msgspec.field(name="_embedded")
    links: Links = msgspec.field(name="_links")


class MyPageApi:
    """`/myPages`: read by buyers (their own) and admins (all)."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def routes(self) -> list[Route]:
        purchase = "/myPages/{reservation_id:uuid}"
        return [
            get("/myPages", self.page, who=BUYER, sort=tuple(store.SORTABLE)),
            get(purchase, self.get, who=BUYER),
            get(f"{purchase}/timeline", self.timeline, who=BUYER),
        ]

    async def page(self, caller: Caller, paging: Paging) -> Page[MyPages]:
        """List your own purchases, newest first; admins list all."""
        async with self.db.read() as tx:
            found, total, following = await store.page(tx, paging, owner=caller.owner)
        shown = MyPages(my_pages=[_view(purchase) for purchase in found])
        return page_of(shown, paging, total=total, following=following, url="/myPages")

    async def get(self, reservation_id: UUID, caller: Caller) -> MyPage:
        """Show how one purchase stands."""
        async with self.db.read() as tx:
            return _view(await store.get(tx, reservation_id, owner=caller.owner))

    async def timeline(self, reservation_id: UUID, caller: Caller) -> Timeline:
        """Show everything that happened to one purchase, oldest first."""
        async with self.db.read() as tx:
            purchase = await store.get(tx, reservation_id, owner=caller.owner)
            stored = await store.events_of(tx, reservation_id)
        path = f"/myPages/{reservation_id}"
        return Timeline(
            embedded=Steps([_step(purchase, one) for one in stored]),
            links=links(self=f"{path}/timeline", myPage=path),
        )


def _view(purchase: Purchase) -> MyPage:
    return view(MyPage, purchase, links(**_rels(purchase)))


def _rels(purchase: Purchase) -> dict[str, str]:
    """Return links to the parts of the purchase, and to what the buyer may do next."""
    path = f"/myPages/{purchase.reservation_id}"
    reservation = f"/reservations/{purchase.reservation_id}"
    payment = f"/payments/{purchase.payment_id}"
    rels = {"self": path, "timeline": f"{path}/timeline", "reservation": reservation}
    if purchase.payment_id:
        rels["payment"] = payment
    if purchase.delivery_id:
        rels["delivery"] = f"/deliveries/{purchase.delivery_id}"
    if domain.may_be_paid(purchase):
        rels["pay"] = payment
    if domain.may_be_cancelled(purchase):
        rels["cancel"] = reservation
    return rels


def _step(purchase: Purchase, stored: StoredEvent) -> Step:
    details: dict[str, Any] = {name: getattr(stored.event, name, None) for name in DETAILS}
    known = {name: value for name, value in details.items() if value is not None}
    by = domain.actor_of(purchase, stored.event) or UNSET
    return Step(event=type(stored.event).__name__, by=by, at=stored.time, **known)
