"""Money that the provider took of an attempt that it had declined: looked for three times."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import pytest
from sqlalchemy import func, select

from roadbike.contracts.statuses import PaymentStatus
from roadbike.kit.db.ids import new_id
from roadbike.payment import domain
from roadbike.payment.domain import Attempt, Payment
from roadbike.payment.domain.attempts import LOOK_AGAIN_AFTER, LOOKS
from roadbike.payment.providers import Snapshot, Unknown
from roadbike.payment.store import ATTEMPT, PAYMENT
from roadbike.payment.use_cases.late_money import LateMoney
from roadbike.payment.use_cases.pay import Cashier, learn
from tests.payment.builders import (
    NOON,
    a_confirming_payment,
    a_due_payment,
    a_paid_payment,
    attempted,
    declined,
)
from tests.payment.fake_provider import (
    NOTHING,
    TAKEN,
    FakeProvider,
    an_attempt,
    another_attempt,
    status,
    time_passes,
)
from tests.service_harness import ServiceHarness

TRIES: Final = 20


def looked(payment: Payment, now: datetime, *, complete: bool = True) -> Payment:
    """Return the payment after the look that is planned."""
    assert payment.look_at is not None
    return domain.looked(payment, payment.look_at, now, complete=complete)


def test_a_payment_is_looked_at_three_times_for_late_money_however_often_it_was_tried() -> None:
    payment = a_due_payment()
    for _ in range(7):
        payment, _ = declined(attempted(payment)[0])
        payment = domain.answered(payment, payment.attempts[-1].attempt_id, NOON)

    for number, age in enumerate(LOOKS):
        assert (payment.looks, payment.look_at) == (number, NOON + age)
        payment = looked(payment, NOON + age)
    assert (payment.looks, payment.look_at) == (len(LOOKS), None)


def test_a_look_that_is_planned_further_ahead_than_ever_is_made_at_once() -> None:
    """The clock was a day ahead, and is set right."""
    payment, _ = declined(a_confirming_payment())
    payment = domain.answered(payment, payment.attempts[0].attempt_id, NOON)
    now = NOON - timedelta(days=1)

    again = looked(payment, now)

    assert (again.looks, again.look_at) == (1, now + LOOKS[1])


def test_a_look_that_two_replicas_make_counts_once() -> None:
    payment, _ = declined(a_confirming_payment())
    payment = domain.answered(payment, payment.attempts[0].attempt_id, NOON)
    now = NOON + LOOKS[0]

    once = looked(payment, now)

    assert payment.look_at is not None
    assert domain.looked(once, payment.look_at, now, complete=True) == once


def test_a_look_without_an_answer_is_made_again() -> None:
    payment, _ = declined(a_confirming_payment())
    payment = domain.answered(payment, payment.attempts[0].attempt_id, NOON)
    now = NOON + LOOKS[0]

    again = looked(payment, now, complete=False)

    assert (again.looks, again.look_at) == (0, now + LOOK_AGAIN_AFTER)


def test_an_attempt_after_the_first_look_moves_the_next_ones() -> None:
    payment, _ = declined(a_confirming_payment())
    payment = domain.answered(payment, payment.attempts[0].attempt_id, NOON)
    payment = looked(payment, NOON + LOOKS[0])
    later = NOON + timedelta(minutes=5)

    payment, _ = domain.attempted(payment, new_id(), "", later)
    payment, _ = declined(payment)
    payment = domain.answered(payment, payment.attempts[-1].attempt_id, later)

    assert payment.look_at == later + LOOKS[1]


def test_nothing_is_looked_for_without_a_declined_attempt() -> None:
    paid = a_paid_payment()

    assert domain.answered(paid, paid.attempts[0].attempt_id, NOON).look_at is None


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


@pytest.fixture
def cashier(payment: ServiceHarness, provider: FakeProvider) -> Cashier:
    return Cashier(payment.db, provider)


@pytest.fixture
def late_money(provider: FakeProvider) -> LateMoney:
    return LateMoney(provider)


async def declined_attempts(
    payment: ServiceHarness, provider: FakeProvider, tries: int
) -> list[Attempt]:
    """Try to pay one payment so often; each time the provider declines."""
    attempts = [await an_attempt(payment)]
    payment_id = await payment_id_of(payment, attempts[0])
    while True:
        last = attempts[-1]
        provider.snapshots[last.attempt_id] = NOTHING
        await payment.db.transact(lambda tx, last=last: learn(tx, last, NOTHING))
        if len(attempts) == tries:
            return attempts
        attempts.append(await another_attempt(payment, payment_id))


async def payment_id_of(payment: ServiceHarness, attempt: Attempt) -> UUID:
    async with payment.db.read() as tx:
        mine = PAYMENT.c.reservation_id == attempt.reservation_id
        payment_id: UUID = await tx.scalar(select(PAYMENT.c.payment_id).where(mine))
        return payment_id


async def writes(payment: ServiceHarness) -> tuple[int, int]:
    """Return how often rows of attempts and of payments were written."""
    async with payment.db.read() as tx:
        attempts, payments = [
            int(await tx.scalar(select(func.sum(table.c.row_version))))
            for table in (ATTEMPT, PAYMENT)
        ]
    return attempts, payments


async def test_rows_are_written_in_proportion_to_the_tries_and_asked_three_times(
    payment: ServiceHarness, late_money: LateMoney, provider: FakeProvider
) -> None:
    """Each try writes its own attempt twice; a look that finds nothing writes no attempt."""
    await declined_attempts(payment, provider, TRIES)
    tried = (2 * TRIES, 1 + 2 * TRIES)  # the payment was opened, too
    assert await writes(payment) == tried

    for age in (*LOOKS, *LOOKS):
        await time_passes(payment, age)
        await late_money.look(payment.db)

    assert await writes(payment) == (tried[0], tried[1] + len(LOOKS))
    assert len(provider.asked) == len(LOOKS) * TRIES


async def test_late_money_of_any_attempt_pays_and_the_others_are_refunded(
    payment: ServiceHarness, late_money: LateMoney, cashier: Cashier, provider: FakeProvider
) -> None:
    first, second, third = await declined_attempts(payment, provider, 3)
    provider.snapshots[first.attempt_id] = TAKEN
    provider.snapshots[third.attempt_id] = Snapshot(captured="c3", refunded=None)
    provider.refunds = ["r3"]
    await time_passes(payment)

    await late_money.look(payment.db)
    await cashier.refund_owed(payment.db)

    assert await status(payment, second) is PaymentStatus.PAID
    assert not provider.refunds


async def test_a_look_without_an_answer_about_one_attempt_is_made_again(
    payment: ServiceHarness, late_money: LateMoney, provider: FakeProvider
) -> None:
    first, second = await declined_attempts(payment, provider, 2)
    for answer in (Unknown("unavailable"), ValueError("rubbish"), TAKEN):
        provider.snapshots[first.attempt_id] = answer
        await time_passes(payment)
        await late_money.look(payment.db)

    assert provider.asked == [first.attempt_id, second.attempt_id] * 3
    assert await status(payment, first) is PaymentStatus.PAID


async def test_a_payment_without_answers_does_not_hold_up_the_next_one(
    payment: ServiceHarness, late_money: LateMoney, provider: FakeProvider
) -> None:
    (silent,) = await declined_attempts(payment, provider, 1)
    (late,) = await declined_attempts(payment, provider, 1)
    provider.snapshots = {silent.attempt_id: Unknown("unavailable"), late.attempt_id: TAKEN}
    await time_passes(payment)

    await late_money.look(payment.db)

    assert await status(payment, silent) is PaymentStatus.DUE
    assert await status(payment, late) is PaymentStatus.PAID
