"""What the provider did not answer is asked for again, and holds up nobody else."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import pytest
from sqlalchemy import select, update

from roadbike.contracts.statuses import PaymentStatus
from roadbike.kit.db.ids import new_id
from roadbike.payment import store
from roadbike.payment.domain import Payment
from roadbike.payment.domain.attempts import LONGEST_WAIT_SECONDS, Attempt, begun, unanswered
from roadbike.payment.providers import Approved, Charge, Declined, Snapshot, Unknown
from roadbike.payment.store import ATTEMPT
from roadbike.payment.use_cases.open import Opening, open_payments
from roadbike.payment.use_cases.pay import Cashier, begin
from tests.payment.things import NOON, TERMS
from tests.purchase_events import Story
from tests.service_harness import ServiceHarness

A_DAY: Final = timedelta(hours=24)
TAKEN: Final = Snapshot(captured="c1", refunded=None)
NOTHING: Final = Snapshot(captured=None, refunded=None)

Told = Snapshot | Exception


class Till:
    """A provider that says of each attempt what it is told to; nothing was ever asked of it."""

    def __init__(self) -> None:
        self.says: dict[UUID, Told] = {}
        self.refunds: Sequence[str | Exception] = ()
        self.asked: list[UUID] = []

    async def open(self, charge: Charge) -> dict[str, str]:
        raise AssertionError(charge)

    async def confirm(self, charge: Charge) -> Approved | Declined:
        raise AssertionError(charge)

    async def fetch(self, charge: Charge) -> Snapshot:
        self.asked.append(charge.attempt_id)
        told = self.says[charge.attempt_id]
        if isinstance(told, Exception):
            raise told
        return told

    async def cancel(self, charge: Charge, reason: str) -> str:  # noqa: ARG002 the port's
        self.asked.append(charge.attempt_id)
        told, *self.refunds = self.refunds
        if isinstance(told, Exception):
            raise told
        return told


@pytest.fixture
def till() -> Till:
    return Till()


@pytest.fixture
def cashier(payment: ServiceHarness, till: Till) -> Cashier:
    return Cashier(payment.db, till)


async def an_attempt(payment: ServiceHarness, story: Story | None = None) -> Attempt:
    """One of which nobody knows what became."""
    at = story.reservation_id if story else new_id()
    (opened,) = await payment.db.transact(lambda tx: open_payments(tx, [Opening(at, TERMS)]))
    assert isinstance(opened, Payment)
    assert opened.payment_id is not None
    payment_id = opened.payment_id
    _, attempt = await payment.db.transact(lambda tx: begin(tx, payment_id, "approve", owner=None))
    assert attempt is not None
    return attempt


async def time_passes(payment: ServiceHarness, by: timedelta = timedelta(minutes=1)) -> None:
    async with payment.db.begin() as tx:
        for row in await tx.rows(select(ATTEMPT)):
            times = {"asked_at": row["asked_at"] - by}
            if row["check_at"] is not None:
                times["check_at"] = row["check_at"] - by
            await tx.execute(
                update(ATTEMPT).where(ATTEMPT.c.attempt_id == row["attempt_id"]).values(times)
            )


async def status(payment: ServiceHarness, attempt: Attempt) -> PaymentStatus | None:
    async with payment.db.read() as tx:
        return (await store.locked(tx, attempt.reservation_id)).payment_status


def test_the_waits_grow_to_half_a_minute_and_no_further() -> None:
    attempt = begun(new_id(), new_id(), "approve", NOON)
    waits = []
    for _ in range(100):
        attempt = unanswered(attempt, NOON)
        assert attempt.check_at is not None
        waits.append((attempt.check_at - NOON).total_seconds())

    assert waits[:5] == [2, 4, 8, 16, 30]
    assert max(waits) == LONGEST_WAIT_SECONDS


async def test_one_that_fails_holds_up_none_behind_it(
    payment: ServiceHarness, cashier: Cashier, till: Till
) -> None:
    first, second = await an_attempt(payment), await an_attempt(payment)
    till.says = {first.attempt_id: ValueError("rubbish"), second.attempt_id: TAKEN}
    await time_passes(payment)

    await cashier.finish_unknown(payment.db)

    assert till.asked == [first.attempt_id, second.attempt_id]
    assert await status(payment, first) is PaymentStatus.CONFIRMING
    assert await status(payment, second) is PaymentStatus.PAID


async def test_a_look_that_is_not_answered_is_no_look(
    payment: ServiceHarness, cashier: Cashier, till: Till
) -> None:
    attempt = await an_attempt(payment)
    for says in (NOTHING, Unknown("away"), Unknown("away"), TAKEN):
        till.says = {attempt.attempt_id: says}
        await time_passes(payment, A_DAY - timedelta(minutes=1) if says is NOTHING else A_DAY)
        await cashier.finish_unknown(payment.db)

    assert len(till.asked) == 4
    assert await status(payment, attempt) is PaymentStatus.PAID


async def test_a_refund_that_is_not_answered_is_asked_for_again_later(
    payment: ServiceHarness, cashier: Cashier, till: Till
) -> None:
    story = Story()
    attempt = await an_attempt(payment, story)
    till.says = {attempt.attempt_id: TAKEN}
    till.refunds = [Unknown("away"), "r1"]
    await payment.consume(story.cancelled())
    await time_passes(payment)
    await cashier.finish_unknown(payment.db)

    for _ in range(3):
        await cashier.refund_owed(payment.db)
    assert await status(payment, attempt) is PaymentStatus.REFUNDING
    assert len(till.refunds) == 1

    await time_passes(payment)
    await cashier.refund_owed(payment.db)
    assert await status(payment, attempt) is PaymentStatus.CANCELLED
    assert len(till.refunds) == 0
