"""The rules of a payment and its money, as plain calls."""

from dataclasses import replace
from datetime import timedelta

import pytest

from roadbike.contracts.events import (
    AnyPaymentEvent,
    PaymentApproved,
    PaymentCancelled,
    PaymentConfirming,
    PaymentDeclined,
    PaymentExpired,
    PaymentOpened,
    PaymentRefunding,
)
from roadbike.contracts.payments import OpenPayment
from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import PaymentStatus
from roadbike.kit.db.ids import new_id
from roadbike.payment import domain
from roadbike.payment.domain import (
    NotPayable,
    Outcome,
    Payment,
    PaymentDiffers,
    Refund,
    ReservationGone,
)
from roadbike.payment.domain.attempts import FIRST_CHECK_DELAY
from tests.payment.builders import (
    NOON,
    OTHER_TERMS,
    TERMS,
    a_confirming_payment,
    a_due_payment,
    a_paid_payment,
    attempted,
    cancelled,
    captured,
    declined,
    opened,
    refunded,
    unopened,
)
from tests.purchase_events import PAY_WITHIN, Story


def types(events: list[AnyPaymentEvent]) -> list[type[AnyPaymentEvent]]:
    return [type(event) for event in events]


def refunds(payment: Payment) -> list[Refund]:
    return [attempt.refund for attempt in payment.attempts]


# opening ---------------------------------------------------------------------------------


def test_a_payment_is_opened_with_the_values_that_were_asked_for() -> None:
    payment, events = opened(unopened())

    assert payment.payment_status is PaymentStatus.DUE
    assert (payment.bike_id, payment.user_id, payment.price) == (1, "alice", 5_100_000)
    [event] = events
    assert isinstance(event, PaymentOpened)
    assert event.pay_until == NOON + PAY_WITHIN


def test_opening_again_changes_nothing_and_publishes_nothing() -> None:
    payment = a_due_payment()

    assert opened(payment) == (payment, [])


@pytest.mark.parametrize("terms", OTHER_TERMS)
def test_opening_again_with_other_values_is_refused(terms: OpenPayment) -> None:
    with pytest.raises(PaymentDiffers):
        domain.opened(a_due_payment(), terms, new_id(), NOON, PAY_WITHIN)


def test_a_tombstone_refuses_a_late_open() -> None:
    tombstone, events = cancelled(unopened())

    assert (tombstone.payment_status, events) == (None, [])
    with pytest.raises(ReservationGone):
        opened(tombstone)


def test_a_cancelled_payment_is_not_opened_again() -> None:
    with pytest.raises(ReservationGone):
        opened(cancelled(a_due_payment())[0])


def test_an_expired_payment_is_not_opened_again() -> None:
    expired, _ = domain.decide(replace(a_due_payment(), expired=True))

    with pytest.raises(ReservationGone):
        opened(expired)


# paying ----------------------------------------------------------------------------------


def test_an_attempt_is_begun_over_the_whole_price_before_the_provider_is_called() -> None:
    payment, events = attempted(a_due_payment())

    (attempt,) = payment.attempts
    assert payment.payment_status is PaymentStatus.CONFIRMING
    assert (attempt.amount, attempt.outcome) == (TERMS.price, Outcome.UNKNOWN)
    assert attempt.check_at == NOON + FIRST_CHECK_DELAY
    assert types(events) == [PaymentConfirming]


@pytest.mark.parametrize(
    "payment",
    [
        unopened(),
        a_confirming_payment(),
        a_paid_payment(),
        cancelled(a_due_payment())[0],
        replace(a_due_payment(), cancel_asked=True),
    ],
    ids=["unopened", "confirming", "paid", "cancelled", "cancel asked"],
)
def test_only_a_due_payment_that_nobody_cancelled_is_payable(payment: Payment) -> None:
    with pytest.raises(NotPayable):
        attempted(payment)


def test_captured_money_pays_for_the_bike() -> None:
    payment, events = captured(a_confirming_payment())

    assert payment.payment_status is PaymentStatus.PAID
    assert payment.captured_by == payment.attempts[0].attempt_id
    assert types(events) == [PaymentApproved]
    assert refunds(payment) == [Refund.NONE]


def test_a_declined_payment_is_due_again() -> None:
    payment, events = declined(a_confirming_payment())

    assert payment.payment_status is PaymentStatus.DUE
    assert types(events) == [PaymentDeclined]
    assert attempted(payment)[0].payment_status is PaymentStatus.CONFIRMING


def test_an_attempt_that_is_unknown_keeps_the_payment_confirming() -> None:
    payment = a_confirming_payment()

    assert domain.decide(payment) == (payment, [])


def test_late_money_of_a_declined_attempt_pays_for_the_bike_that_is_still_due() -> None:
    due_again, _ = declined(a_confirming_payment())

    payment, events = captured(due_again)

    assert payment.payment_status is PaymentStatus.PAID
    assert types(events) == [PaymentApproved]
    assert refunds(payment) == [Refund.NONE]


def test_a_capture_stays_a_capture_when_a_later_answer_denies_it() -> None:
    paid = a_paid_payment()

    assert declined(paid) == (paid, [])


# refunds ---------------------------------------------------------------------------------


def test_the_money_of_a_second_success_is_refunded() -> None:
    due_again, _ = declined(a_confirming_payment())
    paid, _ = captured(attempted(due_again)[0])
    first, second = (attempt.attempt_id for attempt in paid.attempts)

    payment, events = captured(paid, first)

    assert (payment.payment_status, payment.captured_by) == (PaymentStatus.PAID, second)
    assert (refunds(payment), events) == ([Refund.OWED, Refund.NONE], [])
    payment, events = refunded(payment, first)
    assert payment.payment_status is PaymentStatus.PAID
    assert (refunds(payment), events) == ([Refund.DONE, Refund.NONE], [])


def test_late_money_of_a_cancelled_payment_goes_back_and_changes_no_status() -> None:
    voided, _ = cancelled(declined(a_confirming_payment())[0])

    payment, events = captured(voided)

    assert payment.payment_status is PaymentStatus.CANCELLED
    assert (refunds(payment), events) == ([Refund.OWED], [])
    assert refunded(payment)[1] == []


def test_a_paid_payment_that_is_cancelled_is_refunded_and_then_cancelled() -> None:
    refunding, events = cancelled(a_paid_payment())

    assert refunding.payment_status is PaymentStatus.REFUNDING
    assert refunds(refunding) == [Refund.OWED]
    assert types(events) == [PaymentRefunding]
    payment, events = refunded(refunding)
    assert payment.payment_status is PaymentStatus.CANCELLED
    assert types(events) == [PaymentCancelled]
    assert events[0].reason is Reason.BUYER
    assert refunds(payment) == [Refund.DONE]


def test_cancelled_while_confirming_then_captured_is_approved_and_refunded_at_once() -> None:
    waiting, events = cancelled(a_confirming_payment())
    assert (waiting.payment_status, events) == (PaymentStatus.CONFIRMING, [])

    payment, events = captured(waiting)

    assert payment.payment_status is PaymentStatus.REFUNDING
    assert types(events) == [PaymentApproved, PaymentRefunding]
    assert refunds(payment) == [Refund.OWED]


def test_cancelled_while_confirming_then_declined_is_cancelled_without_a_refund() -> None:
    waiting, _ = cancelled(a_confirming_payment())

    payment, events = declined(waiting)

    assert payment.payment_status is PaymentStatus.CANCELLED
    assert types(events) == [PaymentDeclined, PaymentCancelled]
    assert refunds(payment) == [Refund.NONE]


def test_a_refund_at_the_provider_cancels_the_payment() -> None:
    payment, events = refunded(a_paid_payment())

    assert payment.payment_status is PaymentStatus.CANCELLED
    assert types(events) == [PaymentCancelled]
    assert events[0].reason is Reason.PAYMENT_CANCELLED


# cancelling and expiring -----------------------------------------------------------------


def test_a_cancel_voids_a_due_payment() -> None:
    voided, events = cancelled(a_due_payment())

    assert voided.payment_status is PaymentStatus.CANCELLED
    (event,) = events
    assert isinstance(event, PaymentCancelled)
    assert (event.reason, event.price) == (Reason.BUYER, 5_100_000)


def test_the_first_cancel_gives_the_reason_and_a_second_one_changes_nothing() -> None:
    story = Story()
    first = domain.noted(unopened(), story.cancelled(registered=False, reason=Reason.SOLD_OUT))

    assert (first.cancel_asked, first.registered, first.reason) == (True, False, Reason.SOLD_OUT)
    assert domain.noted(first, story.cancelled(reason=Reason.BUYER)) == first


def test_a_due_payment_expires() -> None:
    payment, events = domain.decide(domain.expired(a_due_payment()))

    assert payment.payment_status is PaymentStatus.CANCELLED
    assert types(events) == [PaymentExpired]
    assert events[0].reason is Reason.UNPAID


@pytest.mark.parametrize(
    "payment",
    [unopened(), a_confirming_payment(), a_paid_payment(), cancelled(a_due_payment())[0]],
    ids=["unopened", "confirming", "paid", "cancelled"],
)
def test_a_payment_that_is_not_due_never_expires(payment: Payment) -> None:
    assert domain.expired(payment) == payment


def test_the_waits_for_an_answer_grow_to_half_a_minute_and_no_further() -> None:
    payment, waits = a_confirming_payment(), []
    for _ in range(100):
        payment = domain.unanswered(payment, payment.attempts[0].attempt_id, NOON)
        check_at = payment.attempts[0].check_at
        assert check_at is not None
        waits.append(check_at - NOON)

    assert waits[:5] == [timedelta(seconds=seconds) for seconds in (2, 4, 8, 16, 30)]
    assert max(waits) == timedelta(seconds=30)
