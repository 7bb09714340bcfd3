"""Deliveries over HTTP: parse, call one use case, answer."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, ClassVar, Final
from uuid import UUID

import msgspec
from litestar.params import QueryParameter

from roadbike.contracts.statuses import DeliveryStatus
from roadbike.contracts.wire_names import wire_name
from roadbike.delivery import domain, store, use_cases
from roadbike.delivery.domain import Delivery
from roadbike.delivery.use_cases import Move
from roadbike.kit.db import Database
from roadbike.kit.web import (
    ADMIN,
    BUYER,
    Body,
    Caller,
    Line,
    Links,
    Page,
    Paging,
    Route,
    get,
    links,
    page_of,
    patch,
)

RELS: Final[Mapping[DeliveryStatus, str]] = {
    DeliveryStatus.STARTED: "start",
    DeliveryStatus.COMPLETED: "complete",
    DeliveryStatus.RECALLING: "recall",
    DeliveryStatus.RETURNED: "takeBack",
}


class DeliveryMove(Body, frozen=True, kw_only=True, rename=wire_name):
    ignored: ClassVar = frozenset(
        {
            *("deliveryId", "reserveId", "payId", "bikeId", "userId", "userNm"),
            *("zipCd", "addrNm", "deliveryDt", "_links"),
        }
    )

    delivery_status: DeliveryStatus
    carrier: Line | None = None
    tracking_number: Line | None = None


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    delivery_id: UUID
    reservation_id: UUID
    payment_id: UUID
    bike_id: int
    user_id: str
    user_name: str | None
    zip_code: str | None
    address: str | None
    delivery_status: DeliveryStatus
    delivered_at: datetime | None
    carrier: str | None
    tracking_number: str | None
    links: Links = {}


class Deliveries(msgspec.Struct, frozen=True):
    deliveries: list[DeliveryView]


class DeliveryApi:
    def __init__(self, db: Database) -> None:
        self.db = db

    def routes(self) -> list[Route]:
        one = "/deliveries/{delivery_id:uuid}"
        return [
            get("/deliveries", self.list_, who=BUYER, sort=tuple(store.SORTABLE)),
            get(one, self.get, who=BUYER),
            patch(one, self.move, who=ADMIN, refuses=(409,)),
        ]

    async def list_(
        self,
        caller: Caller,
        paging: Paging,
        reservation_id: Annotated[UUID | None, QueryParameter(name="reserveId")] = None,
    ) -> Page[Deliveries]:
        """One's own deliveries; all of them for staff."""
        async with self.db.read() as tx:
            found, total = await store.page(
                tx, paging, owner=_owner(caller), reservation_id=reservation_id
            )
        shown = Deliveries(deliveries=[_view(delivery, caller) for delivery in found])
        return page_of(shown, paging, total=total, url="/deliveries", reserveId=reservation_id)

    async def get(self, delivery_id: UUID, caller: Caller) -> DeliveryView:
        """One delivery."""
        async with self.db.read() as tx:
            return _view(await store.get(tx, delivery_id, owner=_owner(caller)), caller)

    async def move(self, delivery_id: UUID, data: DeliveryMove, caller: Caller) -> DeliveryView:
        """Move a parcel on, or write its label."""
        move = Move(
            to=data.delivery_status, carrier=data.carrier, tracking_number=data.tracking_number
        )
        moved = await self.db.transact(lambda tx: use_cases.move_delivery(tx, delivery_id, move))
        return _view(moved, caller)


def _owner(caller: Caller) -> str | None:
    return None if caller.is_admin else caller.user_id


def _view(delivery: Delivery, caller: Caller) -> DeliveryView:
    own = f"/deliveries/{delivery.delivery_id}"
    moves = domain.next_moves(delivery) if caller.is_admin else set()
    shown = links(
        self=own,
        reservation=f"/reservations/{delivery.reservation_id}",
        payment=f"/payments/{delivery.payment_id}",
        myPage=f"/myPages/{delivery.reservation_id}",
        **{rel: own for move, rel in RELS.items() if move in moves},
    )
    view = msgspec.convert(delivery, DeliveryView, from_attributes=True)
    return msgspec.structs.replace(view, links=shown)
