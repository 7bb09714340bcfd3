"""One purchase with all its parts, read from the services that have them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import structs

from roadbike.contracts.statuses import DeliveryStatus
from roadbike.storefront import timeline, wording
from roadbike.storefront.catalogue import Bike, Catalogue
from roadbike.storefront.peers import Answer, Peers, Unreachable
from roadbike.storefront.timeline import Purchase, Recipient, Step
from roadbike.storefront.visitors import Visitor

NO_STEPS: Final[Sequence[Step]] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What is known of a purchase. events: how many there are, also those that are not shown."""

    purchase: Purchase
    steps: Sequence[Step]
    events: int
    bikes: Mapping[int, Bike]

    @property
    def shown(self) -> Mapping[str, Any]:
        """Return what the templates of a purchase show."""
        return {
            "purchase": self.purchase,
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
        answer, (steps, events) = await asyncio.gather(
            self.get(visitor, "mypage", f"/myPages/{reservation_id}"),
            self.steps(visitor, reservation_id),
        )
        if not answer.is_success:
            return answer
        purchase = await self._with_address(visitor, msgspec.convert(answer.body, Purchase))
        return Facts(
            purchase=purchase,
            steps=timeline.in_order(steps, purchase.reserved_at),
            events=events,
            bikes=await self.bikes(),
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
        return await self._peers.send(
            visitor.asks(
                service,
                "GET",
                path,
                query=query,
            )
        )

    async def _with_address(self, visitor: Visitor, purchase: Purchase) -> Purchase:
        """Return the purchase with the address that delivery has now.

        While a parcel is prepared its address can be corrected, which is no event; my page learns
        it when the parcel leaves. Without delivery the address is shown that my page has.
        """
        if purchase.delivery_status is not DeliveryStatus.PREPARING:
            return purchase
        try:
            answer = await self.get(visitor, "delivery", f"/deliveries/{purchase.delivery_id}")
        except Unreachable:
            return purchase
        if not answer.is_success:
            return purchase
        found = msgspec.convert(answer.body, Recipient)
        return structs.replace(purchase, **structs.asdict(found))
