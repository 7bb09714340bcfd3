"""Get the money, and give it back.

An attempt is committed before the provider is called, and no attempt asks for the money twice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID

import structlog

from roadbike.contracts.audit import PAYMENT, staff_change
from roadbike.contracts.statuses import PaymentStatus
from roadbike.kit.audit_log import note
from roadbike.kit.crash import Crash, never_crash
from roadbike.kit.db import Database, Tx
from roadbike.kit.db.claims import Notes, work_on_claimed
from roadbike.kit.db.ids import new_id
from roadbike.kit.messaging.outbox import publish_all
from roadbike.kit.pure.refusals import NotFound, Refusal
from roadbike.kit.resilience.batching import Batches
from roadbike.kit.trace import current_traceparent, tracing
from roadbike.payment import domain, store
from roadbike.payment.domain import Attempt, Outcome, Payment, TryLimit
from roadbike.payment.providers import Approved, Charge, Provider, Snapshot, Unknown
from roadbike.payment.use_cases.settle import settle

log = structlog.get_logger()

PROVIDER_TIMEOUT_SECONDS: Final = 1.5  # while the buyer waits
ANSWER_TIMEOUT_SECONDS: Final = 10.0  # while nobody waits
NO_LIMIT: Final = TryLimit()

Claim = Callable[..., Awaitable[tuple[Sequence[Attempt], Sequence[Attempt]]]]
Note = Callable[[Tx], Awaitable[object]]  # stores what the provider answered
Ask = Callable[[Attempt], Awaitable[Note]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """A buyer's request to pay.

    token: the consent. owner: whose payment it must be; None for staff, who pay anybody's.
    by: the user id of who pays.
    traceparent: of the request, for the event that it leads to.
    """

    payment_id: UUID
    token: str
    owner: str | None
    by: str
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider answered about an attempt. traceparent: of the buyer's request."""

    attempt: Attempt
    snapshot: Snapshot
    traceparent: str | None


Begun = tuple[Payment, Attempt | None]


class Cashier:
    """Moves money through the provider and enters it into the ledger.

    Requests that arrive while a transaction is running share the next one. No transaction is open
    during a call to the provider.
    """

    def __init__(
        self,
        db: Database,
        provider: Provider,
        crash: Crash = never_crash,
        tries: TryLimit = NO_LIMIT,
    ) -> None:
        self.db, self.provider, self.crash, self.tries = db, provider, crash, tries
        self._beginning: Batches[Consent, Begun] = Batches(self._begin)
        self._learning: Batches[Answer, Payment] = Batches(self._learn)

    async def pay(
        self, payment_id: UUID, token: str | None, *, owner: str | None, by: str
    ) -> Payment:
        """Capture the money: the payment is then paid, due when declined, confirming if unknown.

        token: the buyer's consent. by: who pays.
        Raises InvalidToken, NotFound, NotPayable, TooManyTries.
        """
        consent = Consent(
            payment_id=payment_id,
            token=self.provider.checked_token(token),
            owner=owner,
            by=by,
            traceparent=current_traceparent(),
        )
        payment, attempt = await self._beginning.submit(consent)
        if attempt is None:
            return payment
        try:
            async with asyncio.timeout(PROVIDER_TIMEOUT_SECONDS):
                snapshot = await self._capture(charge_of(attempt))
        except (Unknown, TimeoutError) as unknown:
            log.warning("payment.unknown", attempt_id=str(attempt.attempt_id), why=str(unknown))
            return payment  # finish_unknown asks for the outcome later
        paid = await self._learning.submit(Answer(attempt, snapshot, consent.traceparent))
        self.crash("capture.after_commit")
        return paid

    async def finish_unknown(self, db: Database) -> None:
        """Ask the provider for unknown outcomes."""
        await self._for_each(db, store.claim_unknown, self._check)

    async def refund_owed(self, db: Database) -> None:
        """Request the refunds that are owed, one per attempt."""
        await self._for_each(db, store.claim_owed, self._refund)

    async def look_for_refunds(self, db: Database) -> None:
        """Ask the provider, once a day, whether it has refunded by itself what we keep."""
        await self._for_each(db, store.claim_kept, self._check)

    async def _for_each(self, db: Database, claim: Claim, ask: Ask) -> None:
        """Ask about each attempt that can be claimed; a failure does not hold up the others."""
        notes = Notes(db)

        async def work_on(attempt: Attempt) -> None:
            note: Note = partial(retry_later, attempt=attempt)
            try:
                async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
                    note = await ask(attempt)
            except (Unknown, TimeoutError) as unknown:
                about = {"attempt_id": str(attempt.attempt_id), "why": repr(unknown)}
                log.warning("payment.unknown", **about)
            except Exception:
                log.exception("attempt.failed", attempt_id=str(attempt.attempt_id))
            await notes.write(partial(_if_free, attempt=attempt, note=note))

        await work_on_claimed(
            lambda new, again: db.transact(partial(claim, new=new, again=again)), work_on
        )

    async def _begin(self, consents: Sequence[Consent]) -> Sequence[Begun | Exception]:
        return await self.db.transact(lambda tx: begin_all(tx, consents, self.tries))

    async def _learn(self, answers: Sequence[Answer]) -> Sequence[Payment | Exception]:
        return await self.db.transact(lambda tx: learn_all(tx, answers))

    async def _capture(self, charge: Charge) -> Snapshot:
        self.crash("capture.before_call")
        await self.provider.open(charge)
        answer = await self.provider.confirm(charge)
        self.crash("capture.after_call")
        captured = answer.provider_id if isinstance(answer, Approved) else None
        return Snapshot(captured=captured, refunded=None)

    async def _check(self, attempt: Attempt) -> Note:
        snapshot = await self.provider.fetch(charge_of(attempt))
        return partial(learn, attempt=attempt, snapshot=snapshot)

    async def _refund(self, attempt: Attempt) -> Note:
        self.crash("refund.before_call")
        # a repeated refund of one attempt moves the money once
        refund_id = await self.provider.cancel(charge_of(attempt), "reservation cancelled")
        self.crash("refund.after_call")
        return partial(learn_refund, attempt=attempt, refund_id=refund_id)


async def begin_all(
    tx: Tx, consents: Sequence[Consent], tries: TryLimit = NO_LIMIT
) -> list[Begun | Exception]:
    """Begin one attempt for each; none (None) when it is paid or another request is paying it.

    The exceptions are NotFound, NotPayable and TooManyTries.
    """
    locked = await store.lock_by_id(tx, [consent.payment_id for consent in consents])
    results: list[Begun | Exception] = []
    for consent in consents:
        try:
            with tracing(consent.traceparent):
                begun = await _begun(tx, locked.get(consent.payment_id), consent, tries)
        except Refusal as refusal:
            results.append(refusal)
        else:
            locked[consent.payment_id], _ = begun  # for another request about the same payment
            results.append(begun)
    return results


async def _begun(tx: Tx, payment: Payment | None, consent: Consent, tries: TryLimit) -> Begun:
    if payment is None or not payment.registered or consent.owner not in {None, payment.user_id}:
        raise NotFound
    if payment.payment_status in {PaymentStatus.PAID, PaymentStatus.CONFIRMING}:
        return payment, None
    now = await tx.now()
    confirming, events = domain.attempted(payment, new_id(), consent.token, now)
    attempt = confirming.attempts[-1]
    if tries.most:
        domain.check_tries(tries, await store.last_tries(tx, attempt.user_id, tries.most), now)
    store.save(tx, confirming)
    publish_all(tx, events)
    if consent.owner is None:
        entry = staff_change(
            by=consent.by,
            kind=PAYMENT,
            thing=payment.payment_id,
            action="begun",
            before=payment,
            after=confirming,
            fields=("payment_status",),
        )
        note(tx, entry)
    return confirming, attempt


async def learn_all(tx: Tx, answers: Sequence[Answer]) -> list[Payment | Exception]:
    """Note what the provider answered about each attempt, and settle the payments."""
    await store.lock_all(tx, [answer.attempt.reservation_id for answer in answers])
    settled: list[Payment | Exception] = []
    for answer in answers:
        with tracing(answer.traceparent):
            settled.append(await learn(tx, answer.attempt, answer.snapshot))
    return settled


async def learn(tx: Tx, attempt: Attempt, snapshot: Snapshot) -> Payment:
    """Note what the provider knows of an attempt, and settle the payment."""
    known = await with_snapshot(tx, await _locked(tx, attempt), attempt, snapshot)
    return settle(tx, domain.answered(known, attempt.attempt_id, await tx.now()))


async def with_snapshot(tx: Tx, payment: Payment, attempt: Attempt, snapshot: Snapshot) -> Payment:
    """Return the payment with what the provider knows of an attempt; enter it into the ledger."""
    outcome = Outcome.CAPTURED if snapshot.captured else Outcome.NOT_CAPTURED
    known = domain.with_outcome(payment, attempt.attempt_id, outcome)
    if snapshot.captured:
        await store.enter_money(tx, attempt, "capture", snapshot.captured)
    if snapshot.refunded:
        await store.enter_money(tx, attempt, "refund", snapshot.refunded)
        known = domain.with_refund(known, attempt.attempt_id)
    return known


async def learn_refund(tx: Tx, attempt: Attempt, refund_id: str) -> None:
    """Note that an attempt's money was refunded, and settle the payment."""
    payment = await _locked(tx, attempt)
    await store.enter_money(tx, attempt, "refund", refund_id)
    settle(tx, domain.with_refund(payment, attempt.attempt_id))


async def retry_later(tx: Tx, attempt: Attempt) -> None:
    """Note that the provider gave no answer: the next call follows with back-off."""
    payment = await _locked(tx, attempt)
    store.save(tx, domain.unanswered(payment, attempt.attempt_id, await tx.now()))


async def _if_free(tx: Tx, attempt: Attempt, note: Note) -> bool:
    """Store the answer; return False when somebody else has the payment locked."""
    if not await store.lock_free(tx, [attempt.reservation_id]):
        return False
    await note(tx)
    return True


async def _locked(tx: Tx, attempt: Attempt) -> Payment:
    payment = await store.locked(tx, attempt.reservation_id)
    assert payment is not None  # attempts are made for stored payments only
    return payment


def charge_of(attempt: Attempt) -> Charge:
    """Return what the provider is asked about an attempt."""
    return Charge(attempt_id=attempt.attempt_id, amount=attempt.amount, token=attempt.token)
