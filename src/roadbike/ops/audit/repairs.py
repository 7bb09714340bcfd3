"""What `roadbike audit --fix` can repair: violations for which one safe repair is known.

A repair only does again what the services do themselves, through their own use cases and events,
so it does no harm when it was not needed. Everything else is left to a person.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy import update

from roadbike.contracts.events import ReservationCancelled
from roadbike.contracts.statuses import DeliveryStatus, PaymentStatus
from roadbike.delivery.store import DELIVERIES
from roadbike.kit.db import Database, Tx
from roadbike.kit.messaging.outbox import OUTBOX
from roadbike.local.texts import say
from roadbike.mypage import store as pages
from roadbike.mypage.use_cases import rebuild_purchase
from roadbike.ops.audit.report import Report
from roadbike.ops.last_events import LAST_EVENTS, of_reservation
from roadbike.ops.republish import UNSENT, republish_event
from roadbike.payment import domain as payments
from roadbike.payment import store as payment_store
from roadbike.payment.domain import Outcome, Payment, Refund
from roadbike.payment.domain.attempts import owed
from roadbike.payment.use_cases.settle import settle
from roadbike.stock import store as stock_store
from roadbike.stock import use_cases as stock
from roadbike.stock.domain import State

SERVICES: Final = ("reservation", "payment", "stock", "delivery", "mypage")
LEFT_THE_SHOP: Final = {
    *(DeliveryStatus.STARTED, DeliveryStatus.COMPLETED, DeliveryStatus.RECALLING),
}

Databases = Mapping[str, Database]  # by service
Act = Callable[[Databases, str], Awaitable[bool]]  # takes a key; returns whether it did anything


@dataclass(frozen=True, slots=True)
class Repair:
    """What is done about the violations of one invariant. slug: of its sentence."""

    slug: str
    act: Act


async def send_again(databases: Databases, event_id: str) -> bool:
    """Make the event unsent, so that the relay sends it again under its own id."""
    mine = OUTBOX.c.event_id == UUID(event_id)
    for db in _publishers(databases):

        async def unsend(tx: Tx) -> bool:
            return bool((await tx.execute(update(OUTBOX).where(mine).values(UNSENT))).rowcount)

        if await db.transact(unsend):
            return True
    return False


async def publish_again(databases: Databases, event_id: str) -> bool:
    """Publish the event once more under its second id; who has applied it drops it."""
    for db in _publishers(databases):
        if await db.transact(partial(republish_event, event_id=UUID(event_id))):
            return True
    return False


async def project_again(databases: Databases, reservation_id: str) -> bool:
    """Project the purchase on my page again from its stored events."""
    id_ = UUID(reservation_id)
    db = databases["mypage"]
    async with db.read() as tx:
        if not await pages.events_of(tx, id_):
            return False
    await db.transact(partial(rebuild_purchase, reservation_id=id_))
    return True


async def release_unit(databases: Databases, reservation_id: str) -> bool:
    """Release the unit of a cancelled reservation whose parcel has not left the shop."""
    id_ = UUID(reservation_id)
    async with databases["delivery"].read() as tx:
        delivery = await DELIVERIES.get(tx, id_)
    if await _cancel_of(databases, id_) is None or delivery is None:
        return False
    if delivery.delivery_status in LEFT_THE_SHOP or not (
        delivery.closed or delivery.delivery_status is DeliveryStatus.CANCELLED
    ):
        return False

    async def release(tx: Tx) -> bool:
        unit = await stock_store.ALLOCATIONS.locked(tx, id_)
        if unit is None or unit.state is not State.HELD:
            return False
        await stock.settle(tx, replace(unit, cancelled=True, closed=True))
        return True

    return await databases["stock"].transact(release)


async def give_money_back(databases: Databases, reservation_id: str) -> bool:
    """Cancel the payment of a cancelled reservation; payment itself refunds what it has taken.

    The provider is asked with the key of the attempt, so that it refunds once.
    """
    id_ = UUID(reservation_id)
    cancel = await _cancel_of(databases, id_)
    if cancel is None:
        return False

    async def refund(tx: Tx) -> bool:
        before = await payment_store.locked(tx, id_)
        if before is None:
            return False
        cancelled = _owing(payments.noted(before, cancel))
        if payments.decide(cancelled)[0] == before:
            return False
        settle(tx, cancelled)
        return True

    return await databases["payment"].transact(refund)


REPAIRS: Final[Mapping[str, Repair]] = {  # in the order in which they are made
    "E2": Repair("fix-send-again", send_again),
    "E3": Repair("fix-publish-again", publish_again),
    "R6": Repair("fix-cancel-payment", give_money_back),
    "P1": Repair("fix-refund", give_money_back),
    "S4": Repair("fix-release", release_unit),
    "M1": Repair("fix-project-again", project_again),
}


def plan(report: Report) -> list[tuple[str, str]]:
    """Return the invariant and the key of each violation that can be repaired, in order."""
    return [
        (id_, key)
        for id_ in REPAIRS
        for key in dict.fromkeys(each.key for each in report.violations.get(id_, ()))
    ]


def planned(steps: Sequence[tuple[str, str]]) -> list[str]:
    """Return one sentence for each step."""
    return [f"{id_}  {say(REPAIRS[id_].slug, key=key)}" for id_, key in steps]


async def carry_out(urls: Mapping[str, str], steps: Sequence[tuple[str, str]]) -> list[str]:
    """Make the repairs; return a sentence for each one that found nothing that it may change.

    urls: of the services' databases, with their own roles. Raises DatabaseUnavailable.
    """
    databases = {name: Database(url) for name, url in urls.items()}
    refused = []
    try:
        for id_, key in steps:
            if not await REPAIRS[id_].act(databases, key):
                refused.append(f"{id_}  {say('fix-refused', key=key)}")
    finally:
        for db in databases.values():
            await db.close()
    return refused


def _publishers(databases: Databases) -> list[Database]:
    return [databases[name] for name in LAST_EVENTS]


async def _cancel_of(databases: Databases, id_: UUID) -> ReservationCancelled | None:
    """Return the event of the reservation's cancel; None unless it is cancelled."""
    async with databases["reservation"].read() as tx:
        event = await of_reservation(tx, str(id_))
    return event if isinstance(event, ReservationCancelled) else None


def _owing(before: Payment) -> Payment:
    """Return the payment with a refund owed for what a cancelled one has still kept."""
    if before.payment_status is not PaymentStatus.CANCELLED:
        return before  # it decides by itself
    attempts = (
        owed(one) if one.outcome is Outcome.CAPTURED and one.refund is Refund.NONE else one
        for one in before.attempts
    )
    return replace(before, attempts=tuple(attempts))
