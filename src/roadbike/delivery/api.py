"""The HTTP API of deliveries: parse, call one use case, answer."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, ClassVar, Final
from uuid import UUID

import msgspec
from litestar.params import QueryParameter
from msgspec import UNSET, UnsetType

from roadbike.contracts.accounts import Contact
from roadbike.contracts.audit import Why
from roadbike.contracts.refusals import CancelsWithReservation
from roadbike.contracts.statuses import DeliveryStatus
from roadbike.contracts.types import Address, Name, Phone, ZipCode
from roadbike.contracts.wire_names import wire_name
from roadbike.delivery import domain, store, use_cases
from roadbike.delivery.accounts import Accounts
from roadbike.delivery.domain import Delivery
from roadbike.delivery.use_cases import Change
from roadbike.kit.db import Database
from roadbike.kit.pure.conditions import Precondition
from roadbike.kit.pure.refusals import Forbidden
from roadbike.kit.web import (
    USER,
    Body,
    Caller,
    Line,
    Links,
    Page,
    Paging,
    Reply,
    Route,
    etag,
    get,
    links,
    page_of,
    patch,
    view,
)
from roadbike.kit.web.conditions import required

RELS: Final[Mapping[DeliveryStatus, str]] = {  # the link relation of each move
    DeliveryStatus.STARTED: "start",
    DeliveryStatus.COMPLETED: "complete",
    DeliveryStatus.RECALLING: "recall",
    DeliveryStatus.RETURNED: "takeBack",
}


class DeliveryChange(Body, frozen=True, kw_only=True, rename=wire_name):
    """What to change: staff the status and the label, buyers and staff whom and where it goes.

    What is null or left out stays as it is. why: the reason of staff, for the audit log.
    """

    ignored: ClassVar = frozenset(
        {"deliveryId", "reserveId", "payId", "bikeId", "userId", "deliveryDt", "_links"}
    )
    not_offered: ClassVar = frozenset(DeliveryStatus) - RELS.keys()

    delivery_status: DeliveryStatus | UnsetType = UNSET
    carrier: Line | None = None
    tracking_number: Line | None = None
    user_name: Name | None = None
    phone: Phone | None = None
    zip_code: ZipCode | None = None
    address: Address | None = None
    why: Why | None = None

    def __repr__(self) -> str:
        return "DeliveryChange()"  # keeps personal data out of logs

    @property
    def to(self) -> DeliveryStatus | None:
        """Return the wanted status."""
        return self.delivery_status or None

    @property
    def for_staff(self) -> bool:
        """Return whether it has a part that only staff may change."""
        return any((self.to, self.carrier, self.tracking_number, self.why))

    @property
    def contact(self) -> Contact:
        """Return whom and where the parcel is to go."""
        return Contact(**{name: getattr(self, name) for name in domain.CONTACT})


class DeliveryView(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """A delivery as its buyer and staff see it."""

    delivery_id: UUID
    reservation_id: UUID
    payment_id: UUID
    bike_id: int
    user_id: str
    user_name: str | None
    phone: str | None
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
    """`/deliveries`: read by buyers (their own) and staff (all), moved on by staff.

    Both correct whom and where it goes, until it leaves the shop.
    """

    def __init__(self, db: Database, accounts: Accounts) -> None:
        self.db = db
        self.accounts = accounts

    def routes(self) -> list[Route]:
        delivery = "/deliveries/{delivery_id:uuid}"
        return [
            get("/deliveries", self.page, who=USER, sort=tuple(store.SORTABLE)),
            get(delivery, self.get, who=USER),
            patch(delivery, self.change, who=USER, refuses=(403, 409, 412, 428)),
        ]

    async def page(
        self,
        caller: Caller,
        paging: Paging,
        reservation_id: Annotated[UUID | None, QueryParameter(name="reserveId")] = None,
    ) -> Page[Deliveries]:
        """List your own deliveries; staff list all."""
        async with self.db.read() as tx:
            found, total, following = await store.page(
                tx, paging, owner=caller.owner, reservation_id=reservation_id
            )
        complete = await use_cases.complete(self.db, self.accounts, found)
        shown = Deliveries(deliveries=[_view(delivery, caller) for delivery in complete])
        return page_of(
            shown,
            paging,
            total=total,
            following=following,
            url="/deliveries",
            reserveId=reservation_id,
        )

    async def get(self, delivery_id: UUID, caller: Caller) -> Reply[DeliveryView]:
        """Show one delivery."""
        async with self.db.read() as tx:
            delivery = await store.get(tx, delivery_id, owner=caller.owner)
        return await self._reply(delivery, caller)

    async def change(
        self,
        delivery_id: UUID,
        data: DeliveryChange,
        caller: Caller,
        condition: Precondition,
    ) -> Reply[DeliveryView]:
        """Move a parcel to its next status, or correct its label or where it goes.

        To correct where it goes, send the ETag of what you have read in If-Match.
        """
        if data.for_staff and not caller.is_staff:
            raise Forbidden
        contact = data.contact
        change = Change(
            by=caller.user_id,
            to=data.to,
            carrier=data.carrier,
            tracking_number=data.tracking_number,
            contact=contact,
            why=data.why,
            condition=condition if contact == Contact() else required(condition),
        )
        try:
            changed = await use_cases.ask_and_change(
                self.db, self.accounts, delivery_id, change, owner=caller.owner
            )
        except CancelsWithReservation as refusal:
            reservation = links(reservation=f"/reservations/{refusal.reservation_id}")
            refusal.extra = {"_links": reservation}
            raise
        return await self._reply(changed, caller)

    async def _reply(self, delivery: Delivery, caller: Caller) -> Reply[DeliveryView]:
        [complete] = await use_cases.complete(self.db, self.accounts, [delivery])
        headers = {"ETag": etag(complete.row_version)}
        return Reply(_view(complete, caller), headers=headers)


def _view(delivery: Delivery, caller: Caller) -> DeliveryView:
    path = f"/deliveries/{delivery.delivery_id}"
    moves = domain.next_moves(delivery) if caller.is_staff else set()
    shown = links(
        self=path,
        reservation=f"/reservations/{delivery.reservation_id}",
        payment=f"/payments/{delivery.payment_id}",
        myPage=f"/myPages/{delivery.reservation_id}",
        **{rel: path for move, rel in RELS.items() if move in moves},
    )
    if domain.may_be_corrected(delivery):
        shown |= links(correctAddress=path)
    return view(DeliveryView, delivery, shown)
