"""The HTTP API of deliveries: parse, call one use case, answer."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, ClassVar, Final
from uuid import UUID

import msgspec
from litestar.params import QueryParameter

from roadbike.contracts.refusals import CancelsWithReservation
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
    view,
)

RELS: Final[Mapping[DeliveryStatus, str]] = {  # the link relation of each move
    DeliveryStatus.STARTED: "start",
    DeliveryStatus.COMPLETED: "complete",
    DeliveryStatus.RECALLING: "recall",
    DeliveryStatus.RETURNED: "takeBack",
}


class DeliveryMove(Body, frozen=True, kw_only=True, rename=wire_name):
    """The next status of a parcel, and optionally its label."""

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
    """A delivery as its buyer and staff see it."""

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
    """The deliveries of one page."""

    deliveries: list[DeliveryView]


class DeliveryApi:
    """`/deliveries`: read by buyers (their own) and staff (all), moved on by staff."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def routes(self) -> list[Route]:
        delivery = "/deliveries/{delivery_id:uuid}"
        return [
            get("/deliveries", self.page, who=BUYER, sort=tuple(store.SORTABLE)),
            get(delivery, self.get, who=BUYER),
            patch(delivery, self.move, who=ADMIN, refuses=(409,)),
        ]

    async def page(
        self,
        caller: Caller,
        paging: Paging,
        reservation_id: Annotated[UUID | None, QueryParameter(name="reserveId")] = None,
    ) -> Page[Deliveries]:
        """List your own deliveries; staff list all."""
        async with self.db.read() as tx:
            found, total = await store.page(
                tx, paging, owner=caller.owner, reservation_id=reservation_id
            )
        shown = Deliveries(deliveries=[_view(delivery, caller) for delivery in found])
        return page_of(shown, paging, total=total, url="/deliveries", reserveId=reservation_id)

    async def get(self, delivery_id: UUID, caller: Caller) -> DeliveryView:
        """Show one delivery."""
        async with self.db.read() as tx:
            return _view(await store.get(tx, delivery_id, owner=caller.owner), caller)

    async def move(self, delivery_id: UUID, data: DeliveryMove, caller: Caller) -> DeliveryView:
        """Move a parcel to its next status, or correct its label."""
        move = Move(
            to=data.delivery_status,
            by=caller.user_id,
            carrier=data.carrier,
            tracking_number=data.tracking_number,
        )
        try:
            moved = await self.db.transact(
                lambda tx: use_cases.move_delivery(tx, delivery_id, move)
            )
        except CancelsWithReservation as refusal:
            reservation = links(reservation=f"/reservations/{refusal.reservation_id}")
            refusal.extra = {"_links": reservation}
            raise
        return _view(moved, caller)


def _view(delivery: Delivery, caller: Caller) -> DeliveryView:
    path = f"/deliveries/{delivery.delivery_id}"
    moves = domain.next_moves(delivery) if caller.is_admin else set()
    shown = links(
        self=path,
        reservation=f"/reservations/{delivery.reservation_id}",
        payment=f"/payments/{delivery.payment_id}",
        myPage=f"/myPages/{delivery.reservation_id}",
        **{rel: path for move, rel in RELS.items() if move in moves},
    )
    return view(DeliveryView, delivery, shown)
