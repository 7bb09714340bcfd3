"""Rules of the shop, each with a shop that does without it and what goes wrong there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from roadbike.contracts.events import (
    DeliveryCancelled,
    DeliveryReturned,
    PaymentCancelled,
    PaymentRefunding,
    ReservationCancelled,
    StockReleased,
)
from roadbike.contracts.statuses import PaymentStatus
from roadbike.kit.db import Tx
from roadbike.kit.messaging.broker import Message
from roadbike.payment.domain.attempts import Refund
from roadbike.stock.domain import State
from roadbike.stock.use_cases import follow_purchase
from tests.model.house import Step
from tests.model.payment import Habits, PaymentBooks
from tests.model.reservation import ReservationBooks
from tests.model.shop import Shop, a_shop
from tests.model.stock import StockBooks


@dataclass(frozen=True, slots=True)
class Rule:
    """name: the rule as the design words it. wrong: what happens without it."""

    name: str
    wrong: str
    without: Callable[[], Shop]


def _no_tombstone() -> Shop:
    def forgets(before: PaymentBooks, step: Step[PaymentBooks]) -> Step[PaymentBooks]:
        unseen = step.books.payment.payment_status is None
        return Step(before) if unseen else step

    shop = a_shop()
    return replace(shop, payment=replace(shop.payment, amend=forgets))


def _delivery_deaf_to_cancels() -> Shop:
    shop = a_shop()
    return replace(shop, delivery=shop.delivery.deaf_to(ReservationCancelled))


def _reservation_deaf_to_refunds() -> Shop:
    shop = a_shop(habits=Habits(outside=True))
    return replace(shop, reservation=shop.reservation.deaf_to(PaymentCancelled))


def _reservation_deaf_to_returns() -> Shop:
    shop = a_shop()
    return replace(shop, reservation=shop.reservation.deaf_to(DeliveryReturned))


def _hasty_stock() -> Shop:
    """It takes the cancel of a reservation for the word that the bike does not leave."""

    async def act(tx: Tx, cause: ReservationCancelled, _message: Message) -> None:
        closed = DeliveryCancelled(reservation_id=cause.reservation_id, bike_id=cause.bike_id)
        await follow_purchase(tx, closed)

    shop = a_shop()
    hasty = [
        replace(policy, act=act) if policy.event is ReservationCancelled else policy
        for policy in shop.stock.policies
    ]
    return replace(shop, stock=replace(shop.stock, policies=hasty))


def _captures_kept_after_a_cancel() -> Shop:
    def keeps(before: PaymentBooks, step: Step[PaymentBooks]) -> Step[PaymentBooks]:
        payment = step.books.payment
        captured_now = before.payment.captured_by is None and payment.captured_by is not None
        if not captured_now or payment.payment_status is not PaymentStatus.REFUNDING:
            return step
        attempts = tuple(replace(one, refund=Refund.NONE) for one in payment.attempts)
        paid = replace(payment, payment_status=PaymentStatus.PAID, attempts=attempts)
        page = replace(step.books.page, payment_status=PaymentStatus.PAID)
        told = tuple(event for event in step.told if not isinstance(event, PaymentRefunding))
        return Step(replace(step.books, payment=paid, page=page), told)

    shop = a_shop()
    return replace(shop, payment=replace(shop.payment, amend=keeps))


def _second_successes_kept() -> Shop:
    def keeps(_before: PaymentBooks, step: Step[PaymentBooks]) -> Step[PaymentBooks]:
        payment = step.books.payment
        attempts = tuple(
            one if one.attempt_id == payment.captured_by else replace(one, refund=Refund.NONE)
            for one in payment.attempts
        )
        kept = replace(step.books, payment=replace(payment, attempts=attempts))
        return replace(step, books=kept)

    shop = a_shop(habits=Habits(tries=2, late=True))
    return replace(shop, payment=replace(shop.payment, amend=keeps))


def _intents_keep_their_place() -> Shop:
    def keeps(before: ReservationBooks, step: Step[ReservationBooks]) -> Step[ReservationBooks]:
        if not before.is_intent or step.books.is_intent or step.books.reservation.registered:
            return step
        unanswered = replace(step.books.reservation, answered=False)
        return replace(step, books=replace(step.books, reservation=unanswered, copy=before.copy))

    shop = a_shop()
    return replace(shop, reservation=replace(shop.reservation, amend=keeps))


def _cancelled_claims_unanswered() -> Shop:
    def silent(before: StockBooks, step: Step[StockBooks]) -> Step[StockBooks]:
        unseen = before.allocation is None or before.allocation.state is State.UNSEEN
        told = tuple(event for event in step.told if not isinstance(event, StockReleased))
        return replace(step, told=told) if unseen else step

    shop = a_shop()
    return replace(shop, stock=replace(shop.stock, amend=silent))


RULES: Final[Sequence[Rule]] = [
    Rule(
        "a cancel of a payment never seen makes a tombstone",
        "cancelled, payment DUE",
        _no_tombstone,
    ),
    Rule(
        "delivery hears ReservationCancelled",
        "cancelled, unit held",
        _delivery_deaf_to_cancels,
    ),
    Rule(
        "reservation hears PaymentCancelled",
        "reserved, payment CANCELLED",
        _reservation_deaf_to_refunds,
    ),
    Rule(
        "reservation hears DeliveryReturned",
        "reserved, unit returned",
        _reservation_deaf_to_returns,
    ),
    Rule(
        "stock waits for delivery",
        "a unit on sale that is not in the shop",
        _hasty_stock,
    ),
    Rule(
        "a capture after a cancel is refunded",
        "cancelled, payment PAID",
        _captures_kept_after_a_cancel,
    ),
    Rule(
        "a second success is refunded",
        "2 prices held, payment PAID",
        _second_successes_kept,
    ),
    Rule(
        "a cancelled intent gives its allowance back",
        "an allowance never given back",
        _intents_keep_their_place,
    ),
    Rule(
        "a cancelled claim is answered",
        "an allowance never given back",
        _cancelled_claims_unanswered,
    ),
]
