"""One purchase with all its parts, read from the services that have them."""

import asyncio
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import structs

from roadbike.contracts.statuses import DeliveryStatus
from roadbike.storefront import timeline, wording
from roadbike.storefront.addresses import FIELDS
from roadbike.storefront.catalogue import Bike, Catalogue
from roadbike.storefront.peers import Answer, Peers, Unreachable
from roadbike.storefront.timeline import Purchase, Recipient, Step
from roadbike.storefront.visitors import Visitor

Part = Mapping[str, Any]
OFFERED_BY: Final = {"pay": "payment", "cancel": "reservation"}
NO_STEPS: Final[Sequence[Step]] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What is known of a purchase. events: how many there are, also those that are not shown.

    delivery, payment, reservation: as their services show them, where they may know something
    newer than my page; None while one is unavailable.
    """

    purchase: Purchase
    steps: Sequence[Step]
    events: int
    bikes: Mapping[int, Bike]
    delivery: Part | None
    payment: Part | None
    reservation: Part | None

    @property
    def offers(self) -> AbstractSet[str]:
        """Return what the buyer can do now: what my page offers, and the service that does it, too.

        My page follows that service, whose own answer is newer; it may be unavailable.
        """
        parts = {"pay": self.payment, "cancel": self.reservation}
        refused = {rel for rel, part in parts.items() if part and rel not in part["_links"]}
        return parts.keys() & self.purchase.links.keys() - refused

    @property
    def lacks_address(self) -> bool:
        """Return whether the bike cannot be sent before the buyer says where to."""
        if self.delivery is None or "correctAddress" not in self.delivery["_links"]:
            return False
        return not all(self.delivery[name] for name in FIELDS.values())

    @property
    def shown(self) -> Mapping[str, Any]:
        """Return what the templates of a purchase show."""
        return {
            "purchase": self.purchase,
            "offers": self.offers,
            "lacks_address": self.lacks_address,
            "steps": self.steps,
            "standing": timeline.standing(self.purchase, self.steps),
            "road": timeline.road(self.purchase, self.steps),
            "timeline": timeline,
            "wording": wording,
            "bikes": self.bikes,
            "events": self.events,
        }


class Purchases:
    """Reads purchases with the visitor's own token."""

    def __init__(self, peers: Peers, catalogue: Catalogue) -> None:
        self._peers = peers
        self._catalogue = catalogue

    async def facts(self, visitor: Visitor, reservation_id: UUID) -> Facts | Answer:
        """Return what is known of a purchase; my page's answer when it does not show it.

        Raises Unreachable when my page does not answer.
        """
        steps, events = await self.steps(visitor, reservation_id)  # first: the row is not older
        answer = await self.get(visitor, "mypage", f"/myPages/{reservation_id}")
        if not answer.is_success:
            return answer
        purchase = msgspec.convert(answer.body, Purchase)
        delivery, payment, reservation = await asyncio.gather(
            self._delivery(visitor, purchase),
            self._offering(visitor, purchase, "pay", f"payments/{purchase.payment_id}"),
            self._offering(visitor, purchase, "cancel", f"reservations/{reservation_id}"),
        )
        return Facts(
            purchase=_with_address(purchase, delivery),
            steps=timeline.in_order(steps, purchase.reserved_at),
            events=events,
            bikes=await self.bikes(),
            delivery=delivery,
            payment=payment,
            reservation=reservation,
        )

    async def steps(self, visitor: Visitor, reservation_id: UUID) -> tuple[Sequence[Step], int]:
        """Return the steps that are shown, oldest first, and how many events there are."""
        answer = await self.get(visitor, "mypage", f"/myPages/{reservation_id}/timeline")
        if not answer.is_success:
            return NO_STEPS, 0
        steps = msgspec.convert(answer.body["_embedded"]["timeline"], list[Step])
        return [step for step in steps if step.event not in wording.NOT_SHOWN], len(steps)

    async def bikes(self) -> Mapping[int, Bike]:
        """Return the bikes of the catalogue, for their sizes; none while it is unavailable."""
        try:
            return (await self._catalogue.copy()).bikes
        except Unreachable:
            return {}

    async def get(
        self, visitor: Visitor, service: str, path: str, query: Sequence[tuple[str, str]] = ()
    ) -> Answer:
        """Read something of a service. Raises Unreachable."""
        return await self._peers.send(visitor.asks(service, "GET", path, query=query))

    async def _delivery(self, visitor: Visitor, purchase: Purchase) -> Part | None:
        """Return the parcel while its address can be corrected, which is no event."""
        if purchase.delivery_status is not DeliveryStatus.PREPARING:
            return None
        return await self._part(visitor, "delivery", f"deliveries/{purchase.delivery_id}")

    async def _offering(
        self, visitor: Visitor, purchase: Purchase, rel: str, path: str
    ) -> Part | None:
        """Return what carries out the offer of my page, if it makes it."""
        if rel not in purchase.links:
            return None
        return await self._part(visitor, OFFERED_BY[rel], path)

    async def _part(self, visitor: Visitor, service: str, path: str) -> Part | None:
        try:
            answer = await self.get(visitor, service, f"/{path}")
        except Unreachable:
            return None
        return answer.body if answer.is_success else None


def _with_address(purchase: Purchase, delivery: Part | None) -> Purchase:
    """Return the purchase with the address that delivery has now, if it was asked."""
    if delivery is None:
        return purchase
    return structs.replace(purchase, **structs.asdict(msgspec.convert(delivery, Recipient)))
