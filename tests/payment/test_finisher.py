"""A question that the provider left unanswered is repeated, and holds up no other payment."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update

from roadbike.contracts.events import PaymentCancelled
from roadbike.contracts.statuses import PaymentStatus
from roadbike.kit.db import Database
from roadbike.kit.db.claims import AT_A_TIME, RETRIES_AT_A_TIME
from roadbike.payment.domain import Attempt
from roadbike.payment.providers import Charge, Snapshot, Unknown
from roadbike.payment.store import ATTEMPT
from roadbike.payment.use_cases.pay import Cashier
from tests.flows.in_process_shop import until
from tests.past import MARGIN, past
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


async def refunding(payment: ServiceHarness, cashier: Cashier, provider: FakeProvider) -> Attempt:
    """An attempt whose refund is owed and was not requested yet."""
    story = Story()
    attempt = await an_attempt(payment, story)
    provider.snapshots[attempt.attempt_id] = Snapshot(
        captured=f"c{attempt.attempt_id}", refunded=None
    )
    await payment.consume(story.cancelled())
    await time_passes(payment)
    await cashier.finish_unknown(payment.db)
    return attempt


async def test_no_other_question_ends_the_back_off_of_a_refund(
    payment: ServiceHarness, cashier: Cashier, provider: FakeProvider
) -> None:
    await refunding(payment, cashier, provider)
    for seconds in (2, 4, 8, 16, 30, 30, 30):
        provider.refunds = [Unknown("unavailable")]
        _, before = await due_and_now(payment)
        await cashier.refund_owed(payment.db)
        due, after = await due_and_now(payment)
        assert before - MARGIN <= due - timedelta(seconds=seconds) <= after + MARGIN
        await time_passes(payment, due - after + MARGIN)
        provider.asked = []
        await cashier.finish_unknown(payment.db)
        await cashier.look_for_refunds(payment.db)
        assert provider.asked == []


async def due_and_now(payment: ServiceHarness) -> tuple[datetime, datetime]:
    """Return when the only attempt is due, and the time of the database."""
    async with payment.db.read() as tx:
        return await tx.scalar(select(ATTEMPT.c.check_at)), await tx.now()


class Crowded(FakeProvider):
    """A provider that answers refunds only when so many are asked for at once."""

    def __init__(self, places: int) -> None:
        super().__init__()
        self.places = places
        self.waiting: list[asyncio.Future[None]] = []
        self.most = 0

    async def cancel(self, charge: Charge, reason: str) -> str:  # noqa: ARG002 the port's
        self._note(charge)
        mine = asyncio.get_running_loop().create_future()
        self.waiting.append(mine)
        self.most = max(self.most, len(self.waiting))
        if len(self.waiting) == self.places:
            for other in self.waiting:
                other.set_result(None)
            self.waiting = []
        await mine
        return f"r{charge.attempt_id}"


async def test_ten_refunds_are_requested_at_a_time(payment: ServiceHarness) -> None:
    provider = Crowded(AT_A_TIME)
    cashier = Cashier(payment.db, provider)
    for _ in range(2 * AT_A_TIME):
        await refunding(payment, cashier, provider)

    async with asyncio.timeout(30):
        await cashier.refund_owed(payment.db)

    assert provider.most == AT_A_TIME
    assert len(provider.asked) == len(set(provider.asked)) + 2 * AT_A_TIME


class Silent(FakeProvider):
    """A provider that does not answer about some refunds at all."""

    def __init__(self, silent_about: set[UUID]) -> None:
        super().__init__()
        self.silent_about = silent_about
        self.asked_in_vain: list[UUID] = []

    async def cancel(self, charge: Charge, reason: str) -> str:  # noqa: ARG002 the port's
        if charge.attempt_id in self.silent_about:
            self.asked_in_vain.append(charge.attempt_id)
            await asyncio.Event().wait()
        return f"r{charge.attempt_id}"


async def test_refunds_that_fail_for_long_leave_room_for_new_ones(payment: ServiceHarness) -> None:
    provider = Silent(set())
    cashier = Cashier(payment.db, provider)
    old = [await refunding(payment, cashier, provider) for _ in range(AT_A_TIME + 2)]
    provider.silent_about = {attempt.attempt_id for attempt in old}
    async with payment.db.begin() as tx:
        await tx.execute(update(ATTEMPT).values(unanswered=9, check_at=await past(tx)))
    new = await refunding(payment, cashier, provider)

    refunds = asyncio.create_task(cashier.refund_owed(payment.db))
    await until(lambda: is_refunded(payment, new))
    refunds.cancel()
    await asyncio.gather(refunds, return_exceptions=True)

    assert len(provider.asked_in_vain) == RETRIES_AT_A_TIME


async def is_refunded(payment: ServiceHarness, attempt: Attempt) -> bool:
    return await status(payment, attempt) is PaymentStatus.CANCELLED


async def test_two_replicas_share_the_refunds(
    payment: ServiceHarness,
    open_database: Callable[[str], Database],
) -> None:
    provider = Crowded(AT_A_TIME)
    one = Cashier(payment.db, provider)
    url = payment.db.engine.url.render_as_string(hide_password=False)
    other = Cashier(open_database(url), provider)
    attempts = [await refunding(payment, one, provider) for _ in range(2 * AT_A_TIME)]
    provider.asked = []

    async with asyncio.timeout(30):
        await asyncio.gather(one.refund_owed(payment.db), other.refund_owed(payment.db))

    assert sorted(provider.asked) == sorted(attempt.attempt_id for attempt in attempts)


async def test_a_refund_that_the_provider_made_by_itself_is_seen_within_a_day(
    payment: ServiceHarness, cashier: Cashier, provider: FakeProvider
) -> None:
    attempt = await an_attempt(payment)
    provider.snapshots[attempt.attempt_id] = TAKEN
    await time_passes(payment)
    await cashier.finish_unknown(payment.db)
    provider.asked = []

    await cashier.look_for_refunds(payment.db)
    assert provider.asked == []  # the first look comes a day after the capture
    provider.snapshots[attempt.attempt_id] = Snapshot(captured="c1", refunded="r1")
    await time_passes(payment, timedelta(days=1))
    await cashier.look_for_refunds(payment.db)
    await time_passes(payment, timedelta(days=1))
    await cashier.look_for_refunds(payment.db)

    assert provider.asked == [attempt.attempt_id]
    assert await status(payment, attempt) is PaymentStatus.CANCELLED
    assert (await payment.published_types())[-1] == PaymentCancelled.__name__


async def test_what_we_keep_is_looked_at_daily_for_three_months(
    payment: ServiceHarness, cashier: Cashier, provider: FakeProvider
) -> None:
    attempt = await an_attempt(payment)
    provider.snapshots[attempt.attempt_id] = TAKEN
    await time_passes(payment)
    await cashier.finish_unknown(payment.db)
    provider.asked = []
    for _ in range(100):
        await time_passes(payment, timedelta(days=1))
        await cashier.look_for_refunds(payment.db)

    assert len(provider.asked) == 90


async def test_a_look_without_an_answer_is_made_again_an_hour_later(
    payment: ServiceHarness, cashier: Cashier, provider: FakeProvider
) -> None:
    attempt = await an_attempt(payment)
    provider.snapshots[attempt.attempt_id] = TAKEN
    await time_passes(payment)
    await cashier.finish_unknown(payment.db)
    provider.snapshots[attempt.attempt_id] = Unknown("unavailable")

    await time_passes(payment, timedelta(days=1))
    await cashier.look_for_refunds(payment.db)

    due, now = await due_and_now(payment)
    assert 3590 < (due - now).total_seconds() <= 3600


async def test_a_refund_waits_for_no_look_that_was_planned_before(
    payment: ServiceHarness, cashier: Cashier, provider: FakeProvider
) -> None:
    attempt = await refunding(payment, cashier, provider)
    async with payment.db.begin() as tx:
        tomorrow = (await tx.now()) + timedelta(days=1)
        await tx.execute(update(ATTEMPT).values(check_at=tomorrow))
    provider.refunds = ["r1"]

    await cashier.refund_owed(payment.db)

    assert await status(payment, attempt) is PaymentStatus.CANCELLED
