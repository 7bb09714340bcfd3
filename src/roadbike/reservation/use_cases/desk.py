"""Reserve a bike: take a reserve request through its steps, and handle the failure of each."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from roadbike.contracts.reasons import Reason
from roadbike.kit.crash import Crash, never_crash
from roadbike.kit.db import Database
from roadbike.kit.idempotency import InProgress, Key, KeyReused
from roadbike.kit.pure.refusals import Overloaded
from roadbike.kit.resilience.batching import Batches
from roadbike.kit.resilience.breaker import CLOSED, Breaker, OpenCircuit, Permit
from roadbike.kit.resilience.deadline import Deadline
from roadbike.kit.resilience.limiter import Limiter
from roadbike.kit.resilience.throughput import Throughput
from roadbike.kit.trace import current_traceparent, tracing
from roadbike.reservation.domain import Reservation
from roadbike.reservation.payment_errors import PaymentError, Verdict
from roadbike.reservation.payments import DEADLINE_MS, MIN_MS, Payments, Unopened
from roadbike.reservation.use_cases import steps
from roadbike.reservation.use_cases.resume import Resumed, resume
from roadbike.reservation.use_cases.steps import (
    RETRY_SECONDS,
    OpenedPending,
    PaymentUnavailable,
    Receipt,
    Render,
    ReservationRequest,
    Terms,
)

CALLS_AT_ONCE: Final = 4  # a call that hangs leaves payment to the others


class ReservationDesk:
    """Takes reserve requests.

    Requests that arrive while a step is running share the next transaction of that step, or its
    call to payment (`Batches`). No transaction is open during the call to payment.
    """

    def __init__(
        self,
        db: Database,
        payments: Payments,
        *,
        limiter: Limiter,
        throughput: Throughput | None = None,
        breaker: Breaker,
        terms: Terms,
        render: Render,
        crash: Crash = never_crash,
    ) -> None:
        self.db, self.payments = db, payments
        self.limiter, self.breaker = limiter, breaker
        self.throughput = throughput or Throughput(None)
        self.terms = terms
        self.render, self.crash = render, crash
        self._running: dict[tuple[str, str, str], Key] = {}
        self._resuming: Batches[Key, Resumed] = Batches(self._resume)
        self._taking: Batches[ReservationRequest, Reservation] = Batches(self._take_pending)
        self._opening: Batches[Unopened, None] = Batches(self._open, at_once=CALLS_AT_ONCE)
        self._registering: Batches[OpenedPending, Receipt] = Batches(self._register)
        self._giving_up: Batches[UUID, None] = Batches(self._give_up)

    def admit(self, working: int) -> None:
        """Raise the refusal that every request gets now, whatever is in it.

        working: requests that were let in and are not answered yet.
        Overloaded when there are as many as the limiter has places, or as are finished in time:
        nobody is let in who would be refused later. OpenCircuit while payment is not called.
        """
        is_full = self.limiter.is_full or working >= self.limiter.limit
        if is_full or not self.throughput.has_room(working):
            raise Overloaded(retry_after=RETRY_SECONDS)
        if self.breaker.state != CLOSED:
            self.breaker.check()

    async def reserve(self, request: ReservationRequest, deadline: Deadline) -> Receipt:
        """Reserve one unit within the deadline.

        A finished key is replayed first, even when the limiter is full or the breaker open.
        Raises NotOnSale, PriceChanged, SoldOut, PaymentUnavailable, Overloaded, OpenCircuit,
        InProgress and KeyReused.
        """
        resumed = await self._resuming.submit(request.key) if request.key else None
        if isinstance(resumed, Receipt):
            return resumed
        with self._only_one_of(request.key), self.throughput.work():
            return await self._reserve(request, resumed, deadline.within(DEADLINE_MS))

    @contextmanager
    def _only_one_of(self, key: Key | None) -> Iterator[None]:
        """Let one request per key go on, so that a crowd takes one place of the limiter, not all.

        Raises InProgress and KeyReused for the others.
        """
        if key is None:
            yield
            return
        if (running := self._running.get(key.primary_key)) is not None:
            raise InProgress(retry_after=RETRY_SECONDS) if running == key else KeyReused()
        self._running[key.primary_key] = key
        try:
            yield
        finally:
            del self._running[key.primary_key]

    async def _reserve(
        self, request: ReservationRequest, pending: Reservation | None, deadline: Deadline
    ) -> Receipt:
        async with self.limiter.place(), self.breaker.place():

            def is_late() -> bool:  # nothing can be opened any more
                return deadline.remaining_ms() < MIN_MS

            if is_late():
                raise PaymentUnavailable(retry_after=RETRY_SECONDS)
            pending = pending or await self._taking.submit(request, is_late)
            self.crash("reserve.after_take_pending")
            await self._open_payment(pending, deadline)
            self.crash("reserve.after_open_payment")
            receipt = await self._registering.submit(
                OpenedPending(
                    pending.reservation_id,
                    keyed=request.key is not None,
                    traceparent=current_traceparent(),
                )
            )
        self.crash("reserve.after_register")
        return receipt

    async def _open_payment(self, pending: Reservation, deadline: Deadline) -> None:
        """Open the payment, within the deadline. Raises PaymentUnavailable, OpenCircuit.

        What is not certain at the deadline stays pending: a request with the same key continues
        with it, or the resolver cancels it.
        """
        unopened = Unopened(pending, deadline, current_traceparent())
        try:
            async with asyncio.timeout(deadline.remaining_ms() / 1000):
                await self._opening.submit(unopened)
        except (PaymentError, TimeoutError) as error:
            raise PaymentUnavailable(retry_after=RETRY_SECONDS) from error

    async def _open(self, batch: Sequence[Unopened]) -> list[Exception | None]:
        """Open the payments; give up those of which it is certain that none was opened.

        That is done here, because who waits for a payment may have reached its deadline.
        """
        results = list(await self._called(batch))
        certain = [number for number, error in enumerate(results) if _nothing_was_opened(error)]
        if certain:
            ids = [batch[number].reservation.reservation_id for number in certain]
            for number, failed in zip(certain, await self._giving_up.submit_all(ids), strict=True):
                results[number] = failed or results[number]
        return results

    async def _called(self, batch: Sequence[Unopened]) -> Sequence[Exception | None]:
        """Call payment once; return the error of each payment."""
        try:
            # It measures from here on: our own steps are not payment's time.
            async with self.breaker.permit(len(batch)) as permit:
                results = await self._payment_errors(batch)
                _report(permit, results)
                return results
        except OpenCircuit as error:
            return [OpenCircuit(retry_after=error.retry_after) for _ in batch]

    async def _payment_errors(self, batch: Sequence[Unopened]) -> Sequence[PaymentError | None]:
        if len(batch) > 1:
            return await self.payments.open_all(batch)
        (one,) = batch
        try:
            with tracing(one.traceparent):
                await self.payments.open(one.reservation, one.deadline)
        except PaymentError as error:
            return [error]
        return [None]

    async def _resume(self, keys: Sequence[Key]) -> Sequence[Resumed | Exception]:
        async with self.db.read(for_write=True) as tx:
            return await resume(tx, keys)

    async def _take_pending(
        self, requests: Sequence[ReservationRequest]
    ) -> Sequence[Reservation | Exception]:
        return await self.db.transact(lambda tx: steps.take_pending(tx, requests, self.terms))

    async def _register(self, opened: Sequence[OpenedPending]) -> Sequence[Receipt | Exception]:
        return await self.db.transact(lambda tx: steps.register(tx, opened, self.render))

    async def _give_up(self, reservation_ids: Sequence[UUID]) -> Sequence[None]:
        await self.db.transact(lambda tx: steps.give_up(tx, reservation_ids, Reason.NOT_OPENED))
        return [None] * len(reservation_ids)


def _nothing_was_opened(error: Exception | None) -> bool:
    """Return whether that is certain: the call was not made, or payment has refused."""
    return isinstance(error, OpenCircuit) or (
        isinstance(error, PaymentError) and error.nothing_was_opened
    )


def _report(permit: Permit, results: Sequence[PaymentError | None]) -> None:
    """Report the outcome of the call to the breaker: payment works if it answered about one."""
    verdicts = {error.verdict if error else Verdict.ANSWERED for error in results}
    if Verdict.ANSWERED in verdicts:
        permit.succeeded()
    elif Verdict.FAILED in verdicts:
        permit.failed()
    # else the permit goes back as if it had not been taken
