"""My page over HTTP: parse, read, answer."""

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
from roadbike.kit.web import BUYER, Caller, Links, Page, Paging, Route, get, links, page_of
from roadbike.mypage import domain, store
from roadbike.mypage.domain import Purchase
from roadbike.mypage.store import KeptEvent


class MyPage(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    reservation_id: UUID
    bike_id: int
    bike_name: str
    user_id: str
    user_name: str | None
    store_name: str
    reserved_at: datetime
    reservation_status: ReservationStatus
    price: int
    payment_id: UUID | None
    payment_status: PaymentStatus | None
    delivery_id: UUID | None
    delivery_status: DeliveryStatus | None
    delivered_at: datetime | None
    stock_status: StockStatus
    links: Links = {}


class MyPages(msgspec.Struct, frozen=True, rename=wire_name):
    my_pages: list[MyPage]


class Step(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """One thing that happened, with the status that it changed."""

    event: str
    reservation_status: ReservationStatus | UnsetType = UNSET
    stock_status: StockStatus | UnsetType = UNSET
    payment_status: PaymentStatus | UnsetType = UNSET
    delivery_status: DeliveryStatus | UnsetType = UNSET
    reason: Reason | UnsetType = UNSET
    at: datetime


SAID: Final = [name for name in Step.__struct_fields__ if name not in {"event", "at"}]


class Steps(msgspec.Struct, frozen=True):
    timeline: list[Step]


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    embedded: Steps = msgspec.field(name="_embedded")
    links: Links = msgspec.field(name="_links")


class MyPageApi:
    def __init__(self, db: Database) -> None:
        self.db = db

    def routes(self) -> list[Route]:
        one = "/myPages/{reservation_id:uuid}"
        return [
            get("/myPages", self.list_, who=BUYER, sort=("reserveDt",)),
            get(one, self.get, who=BUYER),
            get(f"{one}/timeline", self.timeline, who=BUYER),
        ]

    async def list_(self, caller: Caller, paging: Paging) -> Page[MyPages]:
        """One's own purchases, newest first; all of them for staff."""
        async with self.db.read() as tx:
            found, total = await store.page(tx, paging, owner=_owner(caller))
        shown = MyPages(my_pages=[_view(purchase) for purchase in found])
        return page_of(shown, paging, total=total, url="/myPages")

    async def get(self, reservation_id: UUID, caller: Caller) -> MyPage:
        """How one purchase stands."""
        async with self.db.read() as tx:
            return _view(await store.get(tx, reservation_id, owner=_owner(caller)))

    async def timeline(self, reservation_id: UUID, caller: Caller) -> Timeline:
        """Everything that happened to one purchase, oldest first."""
        async with self.db.read() as tx:
            await store.get(tx, reservation_id, owner=_owner(caller))
            kept = await store.kept_of(tx, reservation_id)
        own = f"/myPages/{reservation_id}"
        return Timeline(
            embedded=Steps([_step(one) for one in kept]),
            links=links(self=f"{own}/timeline", myPage=own),
        )


def _owner(caller: Caller) -> str | None:
    return None if caller.is_admin else caller.user_id


def _view(purchase: Purchase) -> MyPage:
    view = msgspec.convert(purchase, MyPage, from_attributes=True)
    return msgspec.structs.replace(view, links=links(**_rels(purchase)))


def _rels(purchase: Purchase) -> dict[str, str]:
    """Where its parts are, and what may be done next."""
    own = f"/myPages/{purchase.reservation_id}"
    reservation = f"/reservations/{purchase.reservation_id}"
    payment = f"/payments/{purchase.payment_id}"
    rels = {"self": own, "timeline": f"{own}/timeline", "reservation": reservation}
    if purchase.payment_id:
        rels["payment"] = payment
    if purchase.delivery_id:
        rels["delivery"] = f"/deliveries/{purchase.delivery_id}"
    if domain.may_be_paid(purchase):
        rels["pay"] = payment
    if domain.may_be_cancelled(purchase):
        rels["cancel"] = reservation
    return rels


def _step(kept: KeptEvent) -> Step:
    said: dict[str, Any] = {name: getattr(kept.event, name, None) for name in SAID}
    known = {name: value for name, value in said.items() if value is not None}
    return Step(event=type(kept.event).__name__, at=kept.time, **known)
