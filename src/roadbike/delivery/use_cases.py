"""The use cases of delivery. Each reads: load, decide, save, publish."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from roadbike.contracts.statuses import DeliveryStatus
from roadbike.delivery import domain, store
from roadbike.delivery.domain import Cause, Delivery
from roadbike.kit.db import Tx
from roadbike.kit.messaging.outbox import publish_all
from roadbike.kit.messaging.refused import report_contradiction


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """What staff ask for: the parcel's next status, and optionally its label.

    by: the user id of the staff member.
    """

    to: DeliveryStatus
    by: str
    carrier: str | None = None
    tracking_number: str | None = None


async def follow_purchase(tx: Tx, cause: Cause) -> None:
    """Note the event on its purchase's delivery and do what follows from it.

    A payment or a unit that does not fit the reservation is reported and leads to no parcel.
    """
    delivery = await store.locked_or_new(tx, cause.reservation_id, cause.bike_id)
    noted = domain.noted(delivery, cause)
    known = domain.contradictions(delivery)
    for reason in domain.contradictions(noted):
        if reason not in known:
            report_contradiction(tx, cause, reason)
    if noted != delivery:  # else the fact was known before, or does not concern delivery
        settle(tx, noted)


async def move_delivery(tx: Tx, delivery_id: UUID, move: Move) -> Delivery:
    """Move the parcel on for staff. Raises NotFound, and what domain.moved raises."""
    delivery = await store.locked_or_404(tx, delivery_id)
    labelled = domain.labelled(delivery, move.carrier, move.tracking_number)
    moved, events = domain.moved(labelled, move.to, await tx.now(), by=move.by)
    if moved != delivery:
        moved = replace(moved, changed_by=move.by)
        store.save(tx, moved)
        publish_all(tx, events)
    return moved


async def prefetch(tx: Tx, causes: Sequence[Cause]) -> None:
    """Lock the deliveries that a batch of events concerns, in one statement."""
    await store.lock_all(tx, [cause.reservation_id for cause in causes])


def settle(tx: Tx, delivery: Delivery) -> Delivery:
    """Decide, save, publish. Return the delivery as it is saved."""
    decided, events = domain.decide(delivery)
    store.save(tx, decided)
    publish_all(tx, events)
    return decided
