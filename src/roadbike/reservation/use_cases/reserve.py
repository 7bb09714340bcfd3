"""Reserve a bike, the hot path: intent, payment opened synchronously, reservation."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, NoReturn
from uuid import UUID

from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import ReservationStatus
from roadbike.kit import idempotency
from roadbike.kit.crash import Crash, never_crash
from roadbike.kit.db import Database, Tx
from roadbike.kit.idempotency import EarlierRequest, InProgress, Key, KeyReused
from roadbike.kit.messaging.outbox import publish
from roadbike.kit.pure.refusals import Refusal, Unavailable
from roadbike.kit.resilience.batching import Batches
from roadbike.kit.resilience.breaker import Breaker
from roadbike.kit.resilience.deadline import Deadline
from roadbike.kit.resilience.limiter import Limiter
from roadbike.kit.trace import current_traceparent, tracing
from roadbike.reservation import domain, store
from roadbike.reservation.domain import Reservation
from roadbike.reservation.payments import (
    LEAST_MS,
    NotOpened,
    NotSent,
    Payments,
    Unknown,
    Unreachable,
)
from roadbike.reservation.use_cases.cancel import cancel_intents

DEADLINE_MS: Final = 610  # in all, from the first byte of the request
DRIVEN_ON_AFTER: Final = timedelta(seconds=1)  # a younger intent is somebody's running request
RETRY_SECONDS: Final = 2.0

Render = Callable[[Reservation], bytes]


class PaymentUnavailable(Unavailable):
    """No payment could be opened in time, so there is no reservation; ask again."""

    slug = "payment-unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a buyer asks for. seen_price: what the buyer was shown, if the client said so (KRW)."""

    reservation_id: UUID
    user_id: str
    bike_id: int
    seen_price: int | None
    user_name: str | None
    zip_code: str | None
    address: str | None
    key: Key | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How this shop reserves. overbook: units sold beyond what is known to be free."""

    overbook: int
    store_name: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """The reservation that was made, and the answer's bytes."""

    reservation_id: UUID
    answer: bytes


@dataclass(frozen=True, slots=True)
class Going:
    """An intent whose payment is open. keyed: its answer is kept for a repeat."""

    reservation_id: UUID
    keyed: bool
    traceparent: str | None = None


Begun = Reservation | Receipt | None  # an intent to drive on, an answer to replay, nothing yet


class Desk:
    """Takes reservations. Batches of them share a transaction; no transaction spans the call."""

    def __init__(
        self,
        db: Database,
        payments: Payments,
        *,
        limiter: Limiter,
        breaker: Breaker,
        terms: Terms,
        render: Render,
        crash: Crash = never_crash,
    ) -> None:
        self.db, self.payments = db, payments
        self.limiter, self.breaker = limiter, breaker
        self.terms = terms
        self.render, self.crash = render, crash
        self._running: dict[tuple[str, str, str], Key] = {}
        self._earlier: Batches[Key, Begun] = Batches(self._look_back)
        self._intents: Batches[Order, Reservation] = Batches(self._take_intents)
        self._registrations: Batches[Going, Receipt] = Batches(self._register)
        self._given_up: Batches[UUID, None] = Batches(self._undo)

    async def reserve(self, order: Order, deadline: Deadline) -> Receipt:
        """Reserve one bike within the deadline.

        Raises NotOnSale, PriceChanged, SoldOut, PaymentUnavailable, Overloaded, InProgress and
        KeyReused.
        """
        begun = await self._earlier.submit(order.key) if order.key else None
        if isinstance(begun, Receipt):
            return begun
        with self._alone(order.key):
            return await self._serve(order, begun, deadline.within(DEADLINE_MS))

    @contextmanager
    def _alone(self, key: Key | None) -> Iterator[None]:
        """A crowd with one key takes one place, not all. Raises InProgress, KeyReused."""
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

    async def _serve(self, order: Order, begun: Reservation | None, within: Deadline) -> Receipt:
        async with self.limiter.place(), self.breaker.permit() as permit:
            if within.remaining_ms() < LEAST_MS:
                raise PaymentUnavailable(
                    retry_after=RETRY_SECONDS
                )  # it waited too long for its place
            intent = begun or await self._intents.submit(order)
            self.crash("reserve.after_intent")
            try:
                await self.payments.open(intent, within)
            except (Unreachable, Unknown) as error:
                permit.failed()
                await self._give_up(intent, error)
            except NotOpened as error:
                if not isinstance(error, NotSent):
                    permit.succeeded()
                await self._give_up(intent, error)
            permit.succeeded()
            self.crash("reserve.after_payment")
            going = Going(intent.reservation_id, order.key is not None, current_traceparent())
            receipt = await self._registrations.submit(going)
        self.crash("reserve.after_commit")
        return receipt

    async def _give_up(self, intent: Reservation, error: Exception) -> NoReturn:
        """Undo the intent if surely no payment was opened; else the resolver will."""
        if isinstance(error, NotOpened):
            await self._given_up.submit(intent.reservation_id)
        raise PaymentUnavailable(retry_after=RETRY_SECONDS) from error

    async def _look_back(self, keys: Sequence[Key]) -> Sequence[Begun | Exception]:
        async with self.db.read() as tx:
            return await look_back(tx, keys)

    async def _take_intents(self, orders: Sequence[Order]) -> Sequence[Reservation | Exception]:
        return await self.db.transact(lambda tx: take_intents(tx, orders, self.terms))

    async def _register(self, goings: Sequence[Going]) -> Sequence[Receipt | Exception]:
        return await self.db.transact(lambda tx: register(tx, goings, self.render))

    async def _undo(self, intents: Sequence[UUID]) -> Sequence[None]:
        await self.db.transact(lambda tx: cancel_intents(tx, intents, Reason.NOT_OPENED))
        return [None] * len(intents)


async def look_back(tx: Tx, keys: Sequence[Key]) -> list[Begun | Exception]:
    """What earlier requests with these keys have come to."""
    return [
        await _begun(tx, earlier)
        for earlier in await idempotency.earlier_requests(tx, store.KEY, keys)
    ]


async def _begun(tx: Tx, earlier: EarlierRequest | KeyReused | None) -> Begun | Exception:
    if earlier is None or isinstance(earlier, KeyReused):
        return earlier
    if earlier.response is not None:
        return Receipt(earlier.result_id, earlier.response)
    if earlier.age < DRIVEN_ON_AFTER:
        return InProgress(retry_after=RETRY_SECONDS)
    return await store.intent(tx, earlier.result_id)


async def take_intents(
    tx: Tx, orders: Sequence[Order], terms: Terms
) -> list[Reservation | Exception]:
    """Tx 1: claim the keys, take from the allowance, write the intents down."""
    now = await tx.now()
    claims = [(order.key, order.reservation_id) for order in orders if order.key is not None]
    claimed = await idempotency.claim(tx, store.KEY, claims, now)
    await store.lock_bikes(tx, sorted({order.bike_id for order in orders}))
    results = [await _intent(tx, order, claimed, now, terms) for order in orders]
    refused = [
        order.reservation_id
        for order, result in zip(orders, results, strict=True)
        if isinstance(result, Exception)
    ]
    await idempotency.release(tx, store.KEY, [at for at in refused if at in claimed])
    return results


async def _intent(
    tx: Tx, order: Order, claimed: set[UUID], now: datetime, terms: Terms
) -> Reservation | Exception:
    if order.key is not None and order.reservation_id not in claimed:
        return InProgress(retry_after=RETRY_SECONDS)
    bike = await store.locked_bike(tx, order.bike_id)
    try:
        taken = domain.take_one(bike, seen_price=order.seen_price, overbook=terms.overbook)
    except Refusal as refusal:
        return refusal
    intent = Reservation(
        reservation_id=order.reservation_id,
        bike_id=taken.bike_id,
        bike_name=taken.bike_name,
        user_id=order.user_id,
        user_name=order.user_name,
        store_name=terms.store_name,
        reserved_at=now,
        price=taken.price,
        zip_code=order.zip_code,
        address=order.address,
        bike_version=taken.bike_version,
    )
    store.save_bike(tx, taken)
    store.save(tx, intent)
    return replace(intent, row_version=1)


async def register(tx: Tx, goings: Sequence[Going], render: Render) -> list[Receipt | Exception]:
    """Tx 2: what is still an intent becomes a reservation."""
    await store.lock_reservations(tx, [going.reservation_id for going in goings])
    seqs = await store.draw_reserve_seqs(tx, len(goings))
    receipts: list[Receipt | Exception] = []
    for going, seq in zip(goings, seqs, strict=True):
        current = await store.locked(tx, going.reservation_id)
        if current.reservation_status is not ReservationStatus.PENDING:
            receipts.append(
                PaymentUnavailable(retry_after=RETRY_SECONDS)
            )  # the resolver was quicker
            continue
        registered, event = domain.register(current, seq)
        store.save(tx, registered)
        with tracing(going.traceparent):
            publish(tx, event)
        receipts.append(Receipt(registered.reservation_id, render(registered)))
    await idempotency.finish(
        tx,
        store.KEY,
        {
            receipt.reservation_id: receipt.answer
            for going, receipt in zip(goings, receipts, strict=True)
            if going.keyed and isinstance(receipt, Receipt)
        },
    )
    return receipts
