"""A question that the provider left unanswered is repeated, and holds up no other payment."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import pytest
from sqlalchemy import select, update

from roadbike.contracts.statuses import PaymentStatus
from roadbike.kit.db.ids import new_id
from roadbike.payment import store
from roadbike.payment.domain import Attempt, Payment
from roadbike.payment.providers import Approved, Charge, Declined, Snapshot, Unknown
from roadbike.payment.store import ATTEMPT
from roadbike.payment.use_cases.open import Opening, open_payments
from roadbike.payment.use_cases.pay import Cashier, begin
from tests.payment.builders import TERMS
from tests.purchase_events import Story
from tests.service_harness import ServiceHarness

A_DAY: Final = timedelta(hours=24)
TAKEN: Final = Snapshot(captured="c1", refunded=None)
NOTHING: Final = Snapshot(captured=None, refunded=None)


class FakeProvider:
    """A provider whose answers the test sets. It expects no request for money.

    snapshots: its answer about each attempt. refunds: its answers to the next refunds, in order;
    an exception is raised. asked: the attempts of all calls.
    """

    def __init__(self) -> None:
        self.snapshots: dict[UUID, Snapshot | Exception] = {}
        self.refunds: Sequence[str | Exception] = ()
        self.asked: list[UUID] = []

    def checked_token(self, token: str | None) -> str:
        raise AssertionError(token)

    async def open(self, charge: Charge) -> dict[str, str]:
        raise AssertionError(charge)

    async def confirm(self, charge: Charge) -> Approved | Declined:
        raise AssertionError(charge)

    async def fetch(self, charge: Charge) -> Snapshot:
        self._note(charge)
        answer = self.snapshots[charge.attempt_id]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def cancel(self, charge: Charge, reason: str) -> str:  # noqa: ARG002 the port's
        self._note(charge)
        answer, *self.refunds = self.refunds
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _note(self, charge: Charge) -> None:
        assert charge.amount == TERMS.price
        self.asked.append(charge.attempt_id)


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


@pytest.fixture
def cashier(payment: ServiceHarness, provider: FakeProvider) -> Cashier:
    return Cashier(payment.db, provider)


async def an_attempt(payment: ServiceHarness, story: Story | None = None) -> Attempt:
    """An attempt whose outcome is unknown."""
    opening = Opening(story.reservation_id if story else new_id(), TERMS)
    (opened,) = await payment.db.transact(lambda tx: open_payments(tx, [opening]))
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
        found = await store.PAYMENTS.get(tx, attempt.reservation_id)
    return found.payment_status if found else None


async def test_an_attempt_that_fails_does_not_hold_up_the_next_one(
    payment: ServiceHarness, cashier: Cashier, provider: FakeProvider
) -> None:
    first, second = await an_attempt(payment), await an_attempt(payment)
    provider.snapshots = {first.attempt_id: ValueError("rubbish"), second.attempt_id: TAKEN}
    await time_passes(payment)

    await cashier.finish_unknown(payment.db)

    assert provider.asked == [first.attempt_id, second.attempt_id]
    assert await status(payment, first) is PaymentStatus.CONFIRMING
    assert await status(payment, second) is PaymentStatus.PAID


async def test_a_check_without_an_answer_does_not_count_as_a_check(
    payment: ServiceHarness, cashier: Cashier, provider: FakeProvider
) -> None:
    attempt = await an_attempt(payment)
    for answer in (NOTHING, Unknown("unavailable"), Unknown("unavailable"), TAKEN):
        provider.snapshots = {attempt.attempt_id: answer}
        await time_passes(payment, A_DAY - timedelta(minutes=1) if answer is NOTHING else A_DAY)
        await cashier.finish_unknown(payment.db)

    assert len(provider.asked) == 4
    assert await status(payment, attempt) is PaymentStatus.PAID


async def test_a_refund_without_an_answer_is_requested_again_later(
    payment: ServiceHarness, cashier: Cashier, provider: FakeProvider
) -> None:
    story = Story()
    attempt = await an_attempt(payment, story)
    provider.snapshots = {attempt.attempt_id: TAKEN}
    provider.refunds = [Unknown("unavailable"), "r1"]
    await payment.consume(story.cancelled())
    await time_passes(payment)
    await cashier.finish_unknown(payment.db)

    for _ in range(3):
        await cashier.refund_owed(payment.db)
    assert await status(payment, attempt) is PaymentStatus.REFUNDING
    assert len(provider.refunds) == 1

    await time_passes(payment)
    await cashier.refund_owed(payment.db)
    assert await status(payment, attempt) is PaymentStatus.CANCELLED
    assert len(provider.refunds) == 0
