"""The steps of a reserve request, one transaction each: take pending, then register or give up.

Each takes a batch of requests. Rows are locked in the order keys, buyers, reservations, bikes.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from roadbike.contracts.reasons import Reason
from roadbike.kit import idempotency
from roadbike.kit.db import Tx
from roadbike.kit.db.locks import lock_names
from roadbike.kit.idempotency import InProgress, Key
from roadbike.kit.pure.refusals import Refusal, Unavailable
from roadbike.kit.trace import tracing
from roadbike.reservation import domain, store
from roadbike.reservation.domain import Reservation
from roadbike.reservation.use_cases.settle import settle

RETRY_SECONDS: Final = 2.0

Render = Callable[[Reservation], bytes]


class PaymentUnavailable(Unavailable):
    """No payment could be opened in time, so there is no reservation; the buyer may retry."""

    slug = "payment-unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationRequest:
    """What a buyer asks for.

    seen_price: what the buyer was shown, in KRW, if the client sent it.
    key: the idempotency key of the request, if the client sent one.
    """

    reservation_id: UUID
    user_id: str
    bike_id: int
    seen_price: int | None
    user_name: str | None
    phone: str | None = None
    zip_code: str | None
    address: str | None
    key: Key | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The settings under which this shop takes reservations.

    overbook: units that may be reserved beyond those known to be free.
    max_open: open reservations that one buyer may have; 0 is no limit.
    """

    overbook: int
    store_name: str
    max_open: int = 0


@dataclass(frozen=True, slots=True)
class _Batch:
    """What the requests of one batch share.

    claimed: the reservation ids whose idempotency key is theirs.
    open_: the number of open reservations of each buyer, counted only if there is a limit.
    """

    terms: Terms
    now: datetime
    claimed: set[UUID]
    open_: Counter[str]


@dataclass(frozen=True, slots=True)
class OpenedPending:
    """A pending reservation whose payment is open.

    keyed: the request carries an idempotency key, so the answer is stored with it.
    traceparent: of the request, so that its event belongs to the same trace.
    """

    reservation_id: UUID
    keyed: bool
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The reservation that was made, and the body of the 201 that says so."""

    reservation_id: UUID
    answer: bytes


async def take_pending(
    tx: Tx, requests: Sequence[ReservationRequest], terms: Terms
) -> list[Reservation | Exception]:
    """Write a pending reservation for each request, with its key, and take one unit of its bike.

    The exceptions are what `domain.take_one` and `domain.check_open` raise, and InProgress for a
    key that is in use; a request that gets one leaves nothing behind.
    """
    now = await tx.now()
    claims = [(request.key, request.reservation_id) for request in requests if request.key]
    claimed = await idempotency.claim(tx, store.KEY, claims, now)
    open_ = await _open_reservations(tx, requests) if terms.max_open else Counter()
    await store.lock_bikes(tx, sorted({request.bike_id for request in requests}))
    batch = _Batch(terms, now, claimed, open_)
    results = [await _taken(tx, request, batch) for request in requests]
    refused = [
        request.reservation_id
        for request, result in zip(requests, results, strict=True)
        if isinstance(result, Exception)
    ]
    await idempotency.release(tx, store.KEY, [id_ for id_ in refused if id_ in claimed])
    return results


async def _open_reservations(tx: Tx, requests: Sequence[ReservationRequest]) -> Counter[str]:
    """Return each buyer's number of open reservations, which only this transaction may raise."""
    buyers = sorted({request.user_id for request in requests})
    await lock_names(tx, "buyer", buyers)  # before the count, which then sees all that committed
    return Counter(await store.count_open(tx, buyers))


async def _taken(tx: Tx, request: ReservationRequest, batch: _Batch) -> Reservation | Exception:
    if request.key is not None and request.reservation_id not in batch.claimed:
        return InProgress(retry_after=RETRY_SECONDS)
    terms = batch.terms
    bike = await store.locked_bike(tx, request.bike_id)
    try:
        taken = domain.take_one(bike, seen_price=request.seen_price, overbook=terms.overbook)
        domain.check_open(batch.open_[request.user_id], terms.max_open)
    except Refusal as refusal:
        return refusal
    pending = Reservation(
        reservation_id=request.reservation_id,
        bike_id=taken.bike_id,
        bike_name=taken.bike_name,
        user_id=request.user_id,
        user_name=request.user_name,
        phone=request.phone,
        store_name=terms.store_name,
        reserved_at=batch.now,
        price=taken.price,
        zip_code=request.zip_code,
        address=request.address,
        bike_version=taken.bike_version,
    )
    store.save_bike(tx, taken)
    store.save(tx, pending)
    batch.open_[request.user_id] += 1
    return replace(pending, row_version=1)


async def register(
    tx: Tx, opened: Sequence[OpenedPending], render: Render
) -> list[Receipt | Exception]:
    """Turn each that is still pending into a reservation; PaymentUnavailable for the others.

    The body of the answer is rendered here, because it is stored with the idempotency key in the
    transaction that registers: a repeated request gets the same bytes even when the reservation
    or the code has changed since. `render` comes from the API, which knows the shape of the body.
    """
    await store.lock_reservations(tx, [one.reservation_id for one in opened])
    seqs = await store.draw_reserve_seqs(tx, len(opened))
    results = [
        await _registered(tx, one, seq, render) for one, seq in zip(opened, seqs, strict=True)
    ]
    answers = {
        result.reservation_id: result.answer
        for one, result in zip(opened, results, strict=True)
        if one.keyed and isinstance(result, Receipt)
    }
    await idempotency.finish(tx, store.KEY, answers)
    return results


async def _registered(
    tx: Tx, opened: OpenedPending, reserve_seq: int, render: Render
) -> Receipt | Exception:
    reservation = await store.locked_or_404(tx, opened.reservation_id)
    if not domain.is_pending(reservation):  # the resolver or another request was quicker
        return PaymentUnavailable(retry_after=RETRY_SECONDS)
    with tracing(opened.traceparent):
        registered = await settle(tx, domain.opened(reservation, reserve_seq))
    return Receipt(registered.reservation_id, render(registered))


async def give_up(tx: Tx, reservation_ids: Sequence[UUID], reason: Reason) -> None:
    """Cancel those that are still pending; `settle` returns their units and deletes their keys."""
    await store.lock_reservations(tx, reservation_ids)
    reservations = [await store.locked_or_404(tx, id_) for id_ in dict.fromkeys(reservation_ids)]
    pending = [one for one in reservations if domain.is_pending(one)]
    await store.lock_bikes(tx, sorted({one.bike_id for one in pending}))
    for one in pending:
        await settle(tx, domain.to_cancel(one, reason))
