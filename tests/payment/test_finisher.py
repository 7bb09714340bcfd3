"""A question that the provider left unanswered is repeated, and holds up no other payment."""

from datetime import timedelta

import pytest

from roadbike.contracts.statuses import PaymentStatus
from roadbike.payment.providers import Unknown
from roadbike.payment.use_cases.pay import Cashier
from tests.payment.fake_provider import TAKEN, FakeProvider, an_attempt, status, time_passes
from tests.purchase_events import Story
from tests.service_harness import ServiceHarness


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


@pytest.fixture
def cashier(payment: ServiceHarness, provider: FakeProvider) -> Cashier:
    return Cashier(payment.db, provider)


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


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(days=1)])
async def test_a_clock_that_was_ahead_delays_no_question_and_no_refund(
    payment: ServiceHarness, cashier: Cashier, provider: FakeProvider, ahead: timedelta
) -> None:
    attempt = await an_attempt(payment)
    provider.snapshots = {attempt.attempt_id: TAKEN}
    await time_passes(payment, -ahead)  # what was planned by that clock

    await cashier.finish_unknown(payment.db)

    assert await status(payment, attempt) is PaymentStatus.PAID
