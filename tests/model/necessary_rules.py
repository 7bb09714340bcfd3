"""Rules of the shop, each with a shop that does without it and the violation that follows."""

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
from tests.model.payment_model import PaymentState, Surroundings
from tests.model.reservation_model import ReservationState
from tests.model.service_model import Step
from tests.model.shop_model import ShopModel, shop_model
from tests.model.stock_model import StockState, stock_model


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the design. violation: what happens in the shop that `without` returns."""

    name: str
    violation: str
    without: Callable[[], ShopModel]


def _no_tombstone() -> ShopModel:
    def deviate(before: PaymentState, step: Step[PaymentState]) -> Step[PaymentState]:
        tombstone = step.state.payment.payment_status is None
        return Step(before) if tombstone else step

    shop = shop_model()
    return replace(shop, payment=replace(shop.payment, deviate=deviate))


def _delivery_ignores_cancels() -> ShopModel:
    shop = shop_model()
    return replace(shop, delivery=shop.delivery.ignoring(ReservationCancelled))


def _reservation_ignores_refunds() -> ShopModel:
    shop = shop_model(surroundings=Surroundings(outside_refunds=True))
    return replace(shop, reservation=shop.reservation.ignoring(PaymentCancelled))


def _reservation_ignores_returns() -> ShopModel:
    shop = shop_model()
    return replace(shop, reservation=shop.reservation.ignoring(DeliveryReturned))


def _stock_does_not_wait_for_delivery() -> ShopModel:
    """Stock frees the unit when the reservation is cancelled, though the bike may have left."""

    async def act(tx: Tx, cause: ReservationCancelled, _message: Message) -> None:
        closed = DeliveryCancelled(reservation_id=cause.reservation_id, bike_id=cause.bike_id)
        await follow_purchase(tx, closed)

    shop = shop_model()
    hasty = [
        replace(policy, act=act) if policy.event is ReservationCancelled else policy
        for policy in shop.stock.policies
    ]
    return replace(shop, stock=replace(shop.stock, policies=hasty))


def _captures_kept_after_a_cancel() -> ShopModel:
    def deviate(before: PaymentState, step: Step[PaymentState]) -> Step[PaymentState]:
        payment = step.state.payment
        captured_now = before.payment.captured_by is None and payment.captured_by is not None
        if not captured_now or payment.payment_status is not PaymentStatus.REFUNDING:
            return step
        attempts = tuple(replace(attempt, refund=Refund.NONE) for attempt in payment.attempts)
        paid = replace(payment, payment_status=PaymentStatus.PAID, attempts=attempts)
        page = replace(step.state.page, payment_status=PaymentStatus.PAID)
        published = tuple(
            event for event in step.published if not isinstance(event, PaymentRefunding)
        )
        return Step(replace(step.state, payment=paid, page=page), published)

    shop = shop_model()
    return replace(shop, payment=replace(shop.payment, deviate=deviate))


def _second_captures_kept() -> ShopModel:
    def deviate(_before: PaymentState, step: Step[PaymentState]) -> Step[PaymentState]:
        payment = step.state.payment
        attempts = tuple(
            attempt
            if attempt.attempt_id == payment.captured_by
            else replace(attempt, refund=Refund.NONE)
            for attempt in payment.attempts
        )
        kept = replace(step.state, payment=replace(payment, attempts=attempts))
        return replace(step, state=kept)

    shop = shop_model(surroundings=Surroundings(tries=2, late_captures=True))
    return replace(shop, payment=replace(shop.payment, deviate=deviate))


def _units_of_given_up_reservations_kept() -> ShopModel:
    def deviate(before: ReservationState, step: Step[ReservationState]) -> Step[ReservationState]:
        gave_up = before.is_pending and not step.state.is_pending
        if not gave_up or step.state.reservation.registered:
            return step
        unanswered = replace(step.state.reservation, answered=False)
        return replace(step, state=replace(step.state, reservation=unanswered, copy=before.copy))

    shop = shop_model()
    return replace(shop, reservation=replace(shop.reservation, deviate=deviate))


def _stock_does_not_answer_cancelled_claims() -> ShopModel:
    def deviate(before: StockState, step: Step[StockState]) -> Step[StockState]:
        unseen = before.allocation is None or before.allocation.state is State.UNSEEN
        published = tuple(event for event in step.published if not isinstance(event, StockReleased))
        return replace(step, published=published) if unseen else step

    shop = shop_model()
    return replace(shop, stock=replace(shop.stock, deviate=deviate))


def _stock_forgets_what_it_has_recorded() -> ShopModel:
    return replace(shop_model(), stock=stock_model(1, falls_behind=True, answers=False))


RULES: Final[Sequence[Rule]] = [
    Rule(
        "a cancel without a payment leaves a tombstone",
        "cancelled, payment DUE",
        _no_tombstone,
    ),
    Rule(
        "delivery consumes ReservationCancelled",
        "cancelled, unit held",
        _delivery_ignores_cancels,
    ),
    Rule(
        "reservation consumes PaymentCancelled",
        "reserved, payment CANCELLED",
        _reservation_ignores_refunds,
    ),
    Rule(
        "reservation consumes DeliveryReturned",
        "reserved, unit returned",
        _reservation_ignores_returns,
    ),
    Rule(
        "stock waits for delivery",
        "a unit on sale that is not in the shop",
        _stock_does_not_wait_for_delivery,
    ),
    Rule(
        "a capture after a cancel is refunded",
        "cancelled, payment PAID",
        _captures_kept_after_a_cancel,
    ),
    Rule(
        "a second capture is refunded",
        "2 prices held, payment PAID",
        _second_captures_kept,
    ),
    Rule(
        "giving up makes the unit available to reserve again",
        "a unit never became available to reserve again",
        _units_of_given_up_reservations_kept,
    ),
    Rule(
        "stock answers the claim of a cancelled reservation",
        "a unit never became available to reserve again",
        _stock_does_not_answer_cancelled_claims,
    ),
    Rule(
        "stock answers the claims that it has recorded while it was behind",
        "reserved, unit unseen",
        _stock_forgets_what_it_has_recorded,
    ),
]
