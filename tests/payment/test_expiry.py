"""Unpaid payments are cancelled in time, but not right after an outage."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import update

from roadbike.kit.db.ids import new_id
from roadbike.payment.store import PAYMENT, WATCH
from roadbike.payment.use_cases.expire import AT_ONCE, AWAY, QUIET, Expiry
from roadbike.payment.use_cases.open import Opening, open_payments
from tests.payment.things import TERMS
from tests.service_harness import ServiceHarness

HALF_AN_HOUR: Final = timedelta(minutes=30)
EXPIRY: Final = Expiry(after=HALF_AN_HOUR)
SECOND: Final = timedelta(seconds=1)


async def open_(payment: ServiceHarness, how_many: int, *, age: timedelta) -> list[UUID]:
    """So many payments, opened so long ago."""
    made = [new_id() for _ in range(how_many)]
    await payment.db.transact(lambda tx: open_payments(tx, [Opening(at, TERMS) for at in made]))
    async with payment.db.begin() as tx:
        opened_at = await tx.now() - age
        mine = PAYMENT.c.reservation_id.in_(made)
        await tx.execute(update(PAYMENT).where(mine).values(opened_at=opened_at))
    return made


async def at_work_until(payment: ServiceHarness, *, ago: timedelta) -> None:
    """The expiry was last seen at work so long ago, and has no reason to be quiet."""
    await EXPIRY.run(payment.db)
    async with payment.db.begin() as tx:
        now = await tx.now()
        await tx.execute(update(WATCH).values(seen_at=now - ago, quiet_until=now - SECOND))


async def expired(payment: ServiceHarness) -> list[UUID]:
    await EXPIRY.run(payment.db)
    told = await payment.published()
    return [event.reservation_id for event in told if type(event).__name__ == "PaymentExpired"]


async def test_what_is_unpaid_for_too_long_expires_once(payment: ServiceHarness) -> None:
    (old,) = await open_(payment, 1, age=HALF_AN_HOUR + SECOND)
    await open_(payment, 1, age=HALF_AN_HOUR - timedelta(minutes=1))

    assert await expired(payment) == [old]
    assert await expired(payment) == [old]


async def test_all_that_is_due_expires_at_once(payment: ServiceHarness) -> None:
    old = await open_(payment, AT_ONCE + 1, age=HALF_AN_HOUR + SECOND)

    assert set(await expired(payment)) == set(old)


async def test_after_an_outage_nothing_expires_for_a_while(payment: ServiceHarness) -> None:
    await at_work_until(payment, ago=AWAY + SECOND)
    (old,) = await open_(payment, 1, age=HALF_AN_HOUR + SECOND)

    assert await expired(payment) == []
    assert await expired(payment) == []

    async with payment.db.begin() as tx:  # the quiet time is over
        await tx.execute(update(WATCH).values(quiet_until=await tx.now() - SECOND))
    assert await expired(payment) == [old]


async def test_the_quiet_time_lasts_from_the_end_of_the_outage(payment: ServiceHarness) -> None:
    await at_work_until(payment, ago=AWAY + SECOND)

    await EXPIRY.run(payment.db)

    async with payment.db.read() as tx:
        (watch,) = await tx.rows(WATCH.select())
    assert watch["quiet_until"] - watch["seen_at"] == QUIET


async def test_a_clock_that_jumped_back_is_an_outage(payment: ServiceHarness) -> None:
    await at_work_until(payment, ago=-AWAY - SECOND)
    await open_(payment, 1, age=HALF_AN_HOUR + SECOND)

    assert await expired(payment) == []


async def test_another_replica_a_moment_ahead_is_no_outage(payment: ServiceHarness) -> None:
    await at_work_until(payment, ago=-SECOND)
    (old,) = await open_(payment, 1, age=HALF_AN_HOUR + SECOND)

    assert await expired(payment) == [old]
