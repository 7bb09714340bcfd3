"""Payment on paper: its row, its ledger, and what the provider knows to be true."""

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
from roadbike.payment.use_cases.pay import begin, learn, learn_refund
from tests.at_work import settings
from tests.model.house import (
    BIKE_ID,
    BLANK_PAGE,
    BUYER,
    PAYMENT_ID,
    PRICE,
    RESERVATION_ID,
    House,
    Move,
    Step,
    UseCase,
)
from tests.model.paper import NOW, URL, PaperTx, Rows

AT: Final = ("payment", RESERVATION_ID)
ATTEMPTS: Final = tuple(UUID(int=at) for at in range(10, 20))
WANTED: Final = OpenPayment(bike_id=BIKE_ID, user_id=BUYER, price=PRICE)


class Truth(IntEnum):
    """How often the money of an attempt has moved; only the provider knows."""

    NOT_TAKEN = 0
    TAKEN = 1
    GIVEN_BACK = 2


MOVEMENTS: Final = ("capture", "refund")


@dataclass(frozen=True, slots=True)
class PaymentBooks:
    """The payment, the provider's truth of each attempt, and our ledger: (attempt, kind)."""

    payment: Payment
    truth: tuple[Truth, ...] = ()
    ledger: frozenset[tuple[UUID, str]] = frozenset()
    page: Purchase = BLANK_PAGE

    def rows(self) -> Rows:
        return {AT: self.payment} | {
            ("attempt", one.attempt_id): one for one in self.payment.attempts
        }

    def after(self, tx: PaperTx) -> "PaymentBooks":
        payment: Payment = tx.loaded[AT]
        attempts = tuple(
            _plain(one, named) for one, named in zip(payment.attempts, ATTEMPTS, strict=False)
        )
        unknown_yet = (Truth.NOT_TAKEN,) * (len(attempts) - len(self.truth))
        moved = {(row["attempt_id"], row["kind"]) for row in tx.entered}
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
            truth=self.truth + unknown_yet,
            ledger=self.ledger | moved,
        )

    @property
    def held_money(self) -> int:
        """How many times the price the provider has taken and not given back."""
        return self.truth.count(Truth.TAKEN)

    @property
    def true_ledger(self) -> frozenset[tuple[UUID, str]]:
        """What our ledger has to be, by what the provider knows."""
        known = zip(ATTEMPTS, self.truth, strict=False)
        return frozenset((attempt, kind) for attempt, truth in known for kind in MOVEMENTS[:truth])

    def knowing(self, at: int, truth: Truth) -> "PaymentBooks":
        return replace(self, truth=(*self.truth[:at], truth, *self.truth[at + 1 :]))


@dataclass(frozen=True, kw_only=True, slots=True)
class Habits:
    """tries: how often the buyer pays, at most. late: money may be taken after a "no".

    outside: somebody may give the money back at the provider, without us.
    slow: an answer of the provider may arrive after newer ones, as two may ask at once.
    """

    tries: int = 1
    late: bool = False
    outside: bool = False
    slow: bool = False


PaymentHouse = House[PaymentBooks]


@cache
def payment(habits: Habits) -> PaymentHouse:
    service = app.build(app.Settings(**settings("payment", URL), **JOURNAL))
    return House(
        name="payment",
        books=PaymentBooks(Payment(reservation_id=RESERVATION_ID)),
        policies=service.policies,
        moves=partial(_moves, habits=habits),
    )


JOURNAL: Final[dict[str, Any]] = {"simulated_journal_url": "sqlite+aiosqlite://"}


def put(house: PaymentHouse, books: PaymentBooks) -> Step[PaymentBooks]:
    """Reservation asks to open the payment; the answer is the payment or the refusal."""
    step = house.run(books, lambda tx: open_payments(tx, [Opening(RESERVATION_ID, WANTED)]))
    return replace(step, answer=step.answer[0])


def _moves(books: PaymentBooks, habits: Habits) -> Iterator[Move[PaymentBooks]]:
    if len(books.truth) < habits.tries:
        yield Move("the buyer pays", books, lambda tx: begin(tx, PAYMENT_ID, "", owner=BUYER))
    yield Move("the payment expires", books, lambda tx: expire(tx, [RESERVATION_ID]))
    for at, attempt in enumerate(books.payment.attempts):
        yield from _of_the_provider(books, at, attempt, habits)
        yield from _of_the_finisher(books, at, attempt)
        if habits.slow:
            yield from _of_slow_answers(books, at, attempt)
        if attempt.refund is Refund.OWED:
            yield from _of_the_refund(books, at, attempt)


def _of_the_provider(
    books: PaymentBooks, at: int, attempt: Attempt, habits: Habits
) -> Iterator[Move[PaymentBooks]]:
    may_take = attempt.outcome is Outcome.UNKNOWN or habits.late
    if books.truth[at] is Truth.NOT_TAKEN and may_take:
        yield Move("the provider takes the money", books.knowing(at, Truth.TAKEN))
    if books.truth[at] is Truth.TAKEN and habits.outside:
        yield Move("the provider gives it back unasked", books.knowing(at, Truth.GIVEN_BACK))


def _of_the_finisher(
    books: PaymentBooks, at: int, attempt: Attempt
) -> Iterator[Move[PaymentBooks]]:
    """It asks what nobody knows, and what it knows if that has changed."""
    truth = books.truth[at]
    news = truth is not Truth.NOT_TAKEN and attempt.outcome is not Outcome.CAPTURED
    news |= truth is Truth.GIVEN_BACK and attempt.refund is Refund.NONE
    if attempt.outcome is Outcome.UNKNOWN or news:
        yield Move(f"the provider says: {truth.name}", books, _learns(attempt, truth), due=True)


def _of_slow_answers(
    books: PaymentBooks, at: int, attempt: Attempt
) -> Iterator[Move[PaymentBooks]]:
    for truth in Truth:
        if truth < books.truth[at]:
            yield Move(f"the provider had said: {truth.name}", books, _learns(attempt, truth))
    if attempt.refund is Refund.DONE:
        yield Move("the refund is heard of again", books, _refunds(attempt))


def _of_the_refund(books: PaymentBooks, at: int, attempt: Attempt) -> Iterator[Move[PaymentBooks]]:
    given_back = books.knowing(at, Truth.GIVEN_BACK)
    yield Move("the money is refunded", given_back, _refunds(attempt), due=True)
    yield Move("the money is refunded, unheard", given_back)


def _learns(attempt: Attempt, truth: Truth) -> UseCase:
    said = Snapshot(
        captured="c" if truth >= Truth.TAKEN else None,
        refunded="r" if truth is Truth.GIVEN_BACK else None,
    )
    return lambda tx: learn(tx, attempt, said)


def _refunds(attempt: Attempt) -> UseCase:
    return lambda tx: learn_refund(tx, attempt, "r")


def _plain(attempt: Attempt, named: UUID) -> Attempt:
    return replace(
        attempt,
        attempt_id=named,
        unanswered=0,
        check_at=attempt.check_at and NOW,
        row_version=0,
    )
