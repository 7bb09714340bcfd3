"""Payments that are not paid in time are cancelled, but not right after an outage."""

import time
from datetime import timedelta
from typing import Final
from uuid import UUID

import pytest
from sqlalchemy import update

from roadbike.contracts.events import PaymentExpired
from roadbike.kit.db.ids import new_id
from roadbike.kit.pure.rooms import BACKGROUND
from roadbike.payment import store
from roadbike.payment.store import PAYMENT, WATCH
from roadbike.payment.use_cases.expire import EXPIRY_BATCH, OUTAGE_GAP, PAUSE_AFTER_OUTAGE, Expiry
from roadbike.payment.use_cases.open import Opening, open_payments
from tests.past import past
from tests.payment.builders import TERMS
from tests.service_harness import ServiceHarness

HALF_AN_HOUR: Final = timedelta(minutes=30)
EXPIRY: Final = Expiry(after=HALF_AN_HOUR)
SECOND: Final = timedelta(seconds=1)


async def given_payments(payment: ServiceHarness, count: int, *, age: timedelta) -> list[UUID]:
    """Open this many payments, and make them that old. Return their reservations."""
    made = [new_id() for _ in range(count)]
    openings = [Opening(reservation_id, TERMS) for reservation_id in made]
    await payment.db.transact(lambda tx: open_payments(tx, openings, HALF_AN_HOUR))
    async with payment.db.begin() as tx:
        opened_at = await past(tx, age)
        mine = PAYMENT.c.reservation_id.in_(made)
        await tx.execute(update(PAYMENT).where(mine).values(opened_at=opened_at))
    return made


async def last_run(payment: ServiceHarness, *, ago: timedelta) -> None:
    """Let the last run of the expiry be that long ago, and the expiry not be paused."""
    await EXPIRY.expire_unpaid(payment.db)
    async with payment.db.begin() as tx:
        seen_at = (await tx.now()) - ago
        await tx.execute(update(WATCH).values(seen_at=seen_at, quiet_until=await past(tx)))


async def expired(payment: ServiceHarness) -> list[UUID]:
    await EXPIRY.expire_unpaid(payment.db)
    published = await payment.published()
    return [event.reservation_id for event in published if isinstance(event, PaymentExpired)]


async def test_a_payment_that_is_due_for_too_long_expires_once(payment: ServiceHarness) -> None:
    (old,) = await given_payments(payment, 1, age=HALF_AN_HOUR + SECOND)
    await given_payments(payment, 1, age=HALF_AN_HOUR - timedelta(minutes=1))

    assert await expired(payment) == [old]
    assert await expired(payment) == [old]


async def test_more_than_one_batch_expires_in_one_run(payment: ServiceHarness) -> None:
    old = await given_payments(payment, EXPIRY_BATCH + 1, age=HALF_AN_HOUR + SECOND)

    assert set(await expired(payment)) == set(old)


async def test_after_an_outage_nothing_expires_during_a_pause(payment: ServiceHarness) -> None:
    await last_run(payment, ago=OUTAGE_GAP + SECOND)
    (old,) = await given_payments(payment, 1, age=HALF_AN_HOUR + SECOND)

    assert await expired(payment) == []
    assert await expired(payment) == []

    async with payment.db.begin() as tx:  # the pause is over
        await tx.execute(update(WATCH).values(quiet_until=await past(tx)))
    assert await expired(payment) == [old]


async def test_the_pause_lasts_from_the_end_of_the_outage(payment: ServiceHarness) -> None:
    await last_run(payment, ago=OUTAGE_GAP + SECOND)

    await EXPIRY.expire_unpaid(payment.db)

    async with payment.db.read() as tx:
        (watch,) = await tx.rows(WATCH.select())
    assert watch["quiet_until"] - watch["seen_at"] == PAUSE_AFTER_OUTAGE


async def test_a_clock_that_jumped_back_is_an_outage(payment: ServiceHarness) -> None:
    await last_run(payment, ago=-OUTAGE_GAP - SECOND)
    await given_payments(payment, 1, age=HALF_AN_HOUR + SECOND)

    assert await expired(payment) == []


async def test_another_replica_a_moment_ahead_is_not_an_outage(payment: ServiceHarness) -> None:
    await last_run(payment, ago=-SECOND)
    (old,) = await given_payments(payment, 1, age=HALF_AN_HOUR + SECOND)

    assert await expired(payment) == [old]


@pytest.mark.parametrize("dialect", ["postgresql"])
async def test_a_payment_that_another_replica_has_locked_expires_later(
    payment: ServiceHarness,
) -> None:
    first, second = await given_payments(payment, 2, age=HALF_AN_HOUR + SECOND)

    async with payment.db.background.begin() as hung:
        await store.lock_all(hung, [first])
        expired_now = await expired(payment)

    assert expired_now == [second]
    assert set(await expired(payment)) == {first, second}


@pytest.mark.parametrize("dialect", ["postgresql"])
async def test_a_replica_that_hangs_while_it_expires_does_not_stop_the_others(
    payment: ServiceHarness,
) -> None:
    await given_payments(payment, 1, age=HALF_AN_HOUR + SECOND)
    await last_run(payment, ago=SECOND)

    async with payment.db.begin() as hung:
        await store.locked_watch(hung)
        began = time.monotonic()
        await EXPIRY.expire_unpaid(payment.db.background)
        waited = time.monotonic() - began

    assert waited < BACKGROUND.lock_ms / 1000
