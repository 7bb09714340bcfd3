"""A payment provider whose answers the test sets, and attempts that it is asked about."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select, update

from roadbike.contracts.statuses import PaymentStatus
from roadbike.kit.db.ids import new_id
from roadbike.payment import store
from roadbike.payment.domain import Attempt, Payment
from roadbike.payment.providers import Approved, Charge, Declined, Snapshot
from roadbike.payment.store import ATTEMPT, PAYMENT
from roadbike.payment.use_cases.open import Opening, open_payments
from roadbike.payment.use_cases.pay import Consent, begin_all
from tests.payment.builders import TERMS
from tests.purchase_events import PAY_WITHIN, Story
from tests.service_harness import ServiceHarness

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


async def an_attempt(payment: ServiceHarness, story: Story | None = None) -> Attempt:
    """An attempt whose outcome is unknown."""
    opening = Opening(story.reservation_id if story else new_id(), TERMS)
    (opened,) = await payment.db.transact(lambda tx: open_payments(tx, [opening], PAY_WITHIN))
    assert isinstance(opened, Payment)
    assert opened.payment_id is not None
    return await another_attempt(payment, opened.payment_id)


async def another_attempt(payment: ServiceHarness, payment_id: UUID) -> Attempt:
    consent = Consent(payment_id=payment_id, token="", owner=None, by="boss")
    (begun,) = await payment.db.transact(lambda tx: begin_all(tx, [consent]))
    assert isinstance(begun, tuple), begun
    _, attempt = begun
    assert attempt is not None
    return attempt


async def time_passes(payment: ServiceHarness, by: timedelta = timedelta(minutes=1)) -> None:
    """Make all attempts, and what is planned for them, older."""
    async with payment.db.begin() as tx:
        for column in (ATTEMPT.c.asked_at, ATTEMPT.c.check_at, PAYMENT.c.look_at):
            (key,) = column.table.primary_key.columns
            for row in await tx.rows(select(key, column).where(column.is_not(None))):
                older = {column.name: row[column.name] - by}
                mine = key == row[key.name]
                await tx.execute(update(column.table).where(mine).values(older))


async def status(payment: ServiceHarness, attempt: Attempt) -> PaymentStatus | None:
    async with payment.db.read() as tx:
        found = await store.PAYMENTS.get(tx, attempt.reservation_id)
    return found.payment_status if found else None
