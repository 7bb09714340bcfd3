"""What one can do with deliveries. Each reads: load, decide, save, tell."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from roadbike.contracts.events import AnyDeliveryEvent
from roadbike.contracts.statuses import DeliveryStatus
from roadbike.delivery import domain, store
from roadbike.delivery.domain import Cause, Delivery
from roadbike.kit.db import Tx
from roadbike.kit.db.ids import new_id
from roadbike.kit.messaging.outbox import publish


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """What staff want: the parcel moved on, and perhaps its label written."""

    to: DeliveryStatus
    carrier: str | None = None
    tracking_number: str | None = None


async def follow_purchase(tx: Tx, cause: Cause) -> None:
    """Note what was heard and do what follows from it."""
    delivery = await _of_purchase(tx, cause)
    noted = domain.noted(delivery, cause)
    if noted == delivery:
        return  # known before, or of no concern here
    _keep(tx, *domain.decide(noted))


async def move_delivery(tx: Tx, delivery_id: UUID, move: Move) -> Delivery:
    """Raises NotFound, and what domain.moved raises."""
    delivery = await store.served_locked(tx, delivery_id)
    labelled = domain.labelled(delivery, move.carrier, move.tracking_number)
    moved, events = domain.moved(labelled, move.to, await tx.now())
    if moved != delivery:
        _keep(tx, moved, events)
    return moved


async def lock_purchases(tx: Tx, causes: Iterable[Cause]) -> None:
    """Load at once what a batch of messages will touch."""
    await store.lock_all(tx, [cause.reservation_id for cause in causes])


async def _of_purchase(tx: Tx, cause: Cause) -> Delivery:
    """The delivery of the purchase; made here by whichever message comes first."""
    return await store.locked(tx, cause.reservation_id) or Delivery(
        reservation_id=cause.reservation_id, delivery_id=new_id(), bike_id=cause.bike_id
    )


def _keep(tx: Tx, delivery: Delivery, events: Sequence[AnyDeliveryEvent]) -> None:
    store.save(tx, delivery)
    for event in events:
        publish(tx, event)
