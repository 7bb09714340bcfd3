"""The model of payment: its row, its ledger, and what really happened at the provider."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cache, partial
from typing import Any, Final
from uuid import UUID

from roadbike.contracts.payments import OpenPayment
from roadbike.mypage.domain import Purchase
from roadbike.payment import app
from roadbike.payment.domain import Payment
from roadbike.payment.domain.attempts import Attempt, Outcome, Refund
from roadbike.payment.providers import Snapshot
from roadbike.payment.use_cases.expire import expire
from roadbike.payment.use_cases.open import Opening, open_payments
from roadbike.payment.use_cases.pay import Consent, begin_all, learn, learn_refund
from tests.model.in_memory_tx import NOW, URL, InMemoryTx, Rows
from tests.model.service_model import (
    BIKE_ID,
    BLANK_PAGE,
    BUYER,
    PAYMENT_ID,
    PRICE,
    RESERVATION_ID,
    Action,
    ServiceModel,
    Step,
    UseCase,
)
from tests.purchase_events import PAY_WITHIN
from tests.service_harness import settings

PAYMENT_KEY: Final = ("payment", RESERVATION_ID)
ATTEMPT_IDS: Final = tuple(UUID(int=number) for number in range(10, 20))
CONSENT: Final = Consent(payment_id=PAYMENT_ID, token="", owner=BUYER, by=BUYER)
REQUEST: Final = OpenPayment(bike_id=BIKE_ID, user_id=BUYER, price=PRICE)


class Moved(IntEnum):
    """How often the money of an attempt has moved; only the provider knows."""

    NEVER = 0
    CAPTURED = 1
    REFUNDED = 2


MOVEMENTS: Final = ("capture", "refund")


@dataclass(frozen=True, slots=True)
class PaymentState:
    """The payment, what the provider did for each attempt, and the ledger: (attempt, kind)."""

    payment: Payment
    moved: tuple[Moved, ...] = ()
    ledger: frozenset[tuple[UUID, str]] = frozenset()
    page: Purchase = BLANK_PAGE

    def rows(self) -> Rows:
        return {PAYMENT_KEY: self.payment} | {
            ("attempt", attempt.attempt_id): attempt for attempt in self.payment.attempts
        }

    def after(self, tx: InMemoryTx) -> "PaymentState":
        payment: Payment = tx.loaded[PAYMENT_KEY]
        attempts = tuple(
            _comparable(attempt, attempt_id)
            for attempt, attempt_id in zip(payment.attempts, ATTEMPT_IDS, strict=False)
        )
        new_attempts = (Moved.NEVER,) * (len(attempts) - len(self.moved))
        entries = {(row["attempt_id"], row["kind"]) for row in tx.inserted}
        return replace(
            self,
            payment=replace(
                payment,
                payment_id=payment.payment_id and PAYMENT_ID,
                attempts=attempts,
                reason=None,
                looks=0,
                look_at=None,
                row_version=0,
            ),
            moved=self.moved + new_attempts,
            ledger=self.ledger | entries,
        )

    @property
    def prices_held(self) -> int:
        """Return how many times the price the provider has captured and not refunded."""
        return self.moved.count(Moved.CAPTURED)

    @property
    def provider_ledger(self) -> frozenset[tuple[UUID, str]]:
        """Return what the ledger has to be, by what the provider did."""
        attempts = zip(ATTEMPT_IDS, self.moved, strict=False)
        return frozenset(
            (attempt, kind) for attempt, moved in attempts for kind in MOVEMENTS[:moved]
        )

    def with_moved(self, index: int, moved: Moved) -> "PaymentState":
        return replace(self, moved=(*self.moved[:index], moved, *self.moved[index + 1 :]))


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What the buyer and the provider may do.

    tries: how often the buyer pays, at most.
    late_captures: money may be captured after the provider said that it was not.
    outside_refunds: the provider may refund without a request of ours.
    late_answers: an answer of the provider may arrive after a newer one.
    """

    tries: int = 1
    late_captures: bool = False
    outside_refunds: bool = False
    late_answers: bool = False


PaymentModel = ServiceModel[PaymentState]


@cache
def payment_model(surroundings: Surroundings) -> PaymentModel:
    service = app.build(app.Settings(**settings("payment", URL), **JOURNAL))
    return ServiceModel(
        name="payment",
        state=PaymentState(Payment(reservation_id=RESERVATION_ID)),
        policies=service.policies,
        actions=partial(_actions, surroundings=surroundings),
    )


JOURNAL: Final[dict[str, Any]] = {"simulated_journal_url": "sqlite+aiosqlite://"}


def open_payment(service: PaymentModel, state: PaymentState) -> Step[PaymentState]:
    """Handle reservation's call to open the payment; the result is the payment or the refusal."""
    opening = Opening(RESERVATION_ID, REQUEST)
    step = service.execute(state, lambda tx: open_payments(tx, [opening], PAY_WITHIN))
    return replace(step, result=step.result[0])


def _actions(state: PaymentState, surroundings: Surroundings) -> Iterator[Action[PaymentState]]:
    if len(state.moved) < surroundings.tries:
        yield Action("the buyer pays", state, lambda tx: begin_all(tx, [CONSENT]))
    yield Action("the payment expires", state, lambda tx: expire(tx, [RESERVATION_ID]))
    for index, attempt in enumerate(state.payment.attempts):
        yield from _by_the_provider(state, index, attempt, surroundings)
        yield from _by_the_finisher(state, index, attempt)
        if surroundings.late_answers:
            yield from _by_late_answers(state, index, attempt)
        if attempt.refund is Refund.OWED:
            yield from _by_the_refund(state, index, attempt)


def _by_the_provider(
    state: PaymentState, index: int, attempt: Attempt, surroundings: Surroundings
) -> Iterator[Action[PaymentState]]:
    may_capture = attempt.outcome is Outcome.UNKNOWN or surroundings.late_captures
    if state.moved[index] is Moved.NEVER and may_capture:
        yield Action("the provider captures", state.with_moved(index, Moved.CAPTURED))
    if state.moved[index] is Moved.CAPTURED and surroundings.outside_refunds:
        yield Action("the provider refunds unasked", state.with_moved(index, Moved.REFUNDED))


def _by_the_finisher(
    state: PaymentState, index: int, attempt: Attempt
) -> Iterator[Action[PaymentState]]:
    """Ask about attempts with an unknown outcome, and about those that have changed since."""
    moved = state.moved[index]
    changed = moved is not Moved.NEVER and attempt.outcome is not Outcome.CAPTURED
    is_looked_at = attempt.check_at is not None
    changed |= moved is Moved.REFUNDED and attempt.refund is Refund.NONE and is_looked_at
    if attempt.outcome is Outcome.UNKNOWN or changed:
        yield Action(f"the provider answers: {moved.name}", state, _learn(attempt, moved), due=True)


def _by_late_answers(
    state: PaymentState, index: int, attempt: Attempt
) -> Iterator[Action[PaymentState]]:
    for moved in Moved:
        if moved < state.moved[index]:
            yield Action(f"an old answer arrives: {moved.name}", state, _learn(attempt, moved))
    if attempt.refund is Refund.DONE:
        yield Action("the refund is confirmed again", state, _learn_refund(attempt))


def _by_the_refund(
    state: PaymentState, index: int, attempt: Attempt
) -> Iterator[Action[PaymentState]]:
    refunded = state.with_moved(index, Moved.REFUNDED)
    yield Action("the money is refunded", refunded, _learn_refund(attempt), due=True)
    yield Action("the money is refunded, the answer lost", refunded)


def _learn(attempt: Attempt, moved: Moved) -> UseCase:
    snapshot = Snapshot(
        captured="c" if moved >= Moved.CAPTURED else None,
        refunded="r" if moved is Moved.REFUNDED else None,
    )
    return lambda tx: learn(tx, attempt, snapshot)


def _learn_refund(attempt: Attempt) -> UseCase:
    return lambda tx: learn_refund(tx, attempt, "r")


def _comparable(attempt: Attempt, attempt_id: UUID) -> Attempt:
    return replace(
        attempt,
        attempt_id=attempt_id,
        unanswered=0,
        check_at=attempt.check_at and NOW,
        row_version=0,
    )
