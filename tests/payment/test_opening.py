"""Opening and voiding as plain calls: every order of the messages ends in the same, right place."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadbike.contracts.events import AnyPaymentEvent, PaymentCancelled, PaymentOpened
from roadbike.contracts.payments import OpenPayment
from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import PaymentStatus
from roadbike.kit.db.ids import new_id
from roadbike.kit.pure.refusals import Refusal
from roadbike.payment import domain
from roadbike.payment.domain import Payment, PaymentDiffers, ReservationGone
from roadbike.payment.domain.attempts import Outcome, Refund
from tests.payment.things import NOON, OTHER_TERMS, TERMS, unseen

Decision = tuple[Payment, list[AnyPaymentEvent]]
PAYABLE = {PaymentStatus.DUE, PaymentStatus.CONFIRMING}


def opened(payment: Payment) -> Decision:
    return domain.open_payment(payment, TERMS, new_id(), NOON)


def cancelled(payment: Payment) -> Decision:
    return domain.decide(replace(payment, cancel_asked=True, reason=Reason.BUYER))


def test_a_payment_is_opened_over_what_was_asked() -> None:
    payment, events = opened(unseen())

    assert payment.payment_status is PaymentStatus.DUE
    assert (payment.bike_id, payment.user_id, payment.price) == (1, "alice", 5_100_000)
    assert [type(event) for event in events] == [PaymentOpened]


def test_opening_again_finds_it_open_and_tells_nothing() -> None:
    payment, _ = opened(unseen())

    again, events = opened(payment)

    assert (again, events) == (payment, [])


@pytest.mark.parametrize("terms", OTHER_TERMS)
def test_opening_again_over_something_else_is_refused(terms: OpenPayment) -> None:
    payment, _ = opened(unseen())

    with pytest.raises(PaymentDiffers):
        domain.open_payment(payment, terms, new_id(), NOON)


def test_a_cancel_voids_an_open_payment() -> None:
    payment, _ = opened(unseen())

    voided, events = cancelled(payment)

    assert voided.payment_status is PaymentStatus.CANCELLED
    (event,) = events
    assert isinstance(event, PaymentCancelled)
    assert (event.reason, event.price) == (Reason.BUYER, 5_100_000)


def test_a_cancel_of_what_was_never_opened_tells_nothing_and_refuses_a_late_open() -> None:
    tombstone, events = cancelled(unseen())

    assert (tombstone.payment_status, events) == (None, [])
    with pytest.raises(ReservationGone):
        opened(tombstone)


def test_a_voided_payment_is_not_opened_again() -> None:
    voided, _ = cancelled(opened(unseen())[0])

    with pytest.raises(ReservationGone):
        opened(voided)


def test_an_expired_payment_is_not_opened_again() -> None:
    expired, _ = domain.decide(replace(opened(unseen())[0], expired=True))

    with pytest.raises(ReservationGone):
        opened(expired)


STEPS: dict[str, Callable[[Payment], Decision]] = {"open": opened, "cancel": cancelled}


def after(steps: list[str]) -> tuple[Payment, list[str]]:
    """The payment after those messages, and what was told; a refusal changes nothing."""
    payment, told = unseen(), []
    for step in steps:
        try:
            payment, events = STEPS[step](payment)
        except Refusal:
            continue
        told += [type(event).__name__ for event in events]
    return payment, told


@given(st.permutations(["open", "open", "cancel", "cancel", "cancel"]))
def test_a_cancel_and_a_late_open_never_leave_a_payable_payment(steps: list[str]) -> None:
    payment, told = after(steps)

    assert payment.payment_status not in PAYABLE
    assert told == (["PaymentOpened", "PaymentCancelled"] if steps[0] == "open" else [])


@given(st.lists(st.sampled_from(sorted(STEPS))))
def test_a_payment_is_payable_only_if_it_was_opened_and_nobody_cancelled(
    steps: list[str],
) -> None:
    payment, told = after(steps)

    assert (payment.payment_status in PAYABLE) == ("open" in steps and "cancel" not in steps)
    assert len(told) == len(set(told))  # each thing is told once


FACTS = ["open", "cancel", "expire", "attempt", "captured", "not captured", "refunded"]


def heard(payment: Payment, fact: str) -> Payment:
    """The payment after one more fact, whatever is possible of it."""
    last = payment.attempts[-1].attempt_id if payment.attempts else None
    known = payment
    match fact:
        case "open":
            return opened(payment)[0]
        case "attempt":
            return domain.attempt(payment, new_id(), "", NOON)[0]
        case "cancel":
            known = replace(payment, cancel_asked=True)
        case "expire" if payment.payment_status is PaymentStatus.DUE:
            known = replace(payment, expired=True)
        case "captured" if last:
            known = domain.with_outcome(payment, last, Outcome.CAPTURED)
        case "not captured" if last:
            known = domain.with_outcome(payment, last, Outcome.NOT_CAPTURED)
        case "refunded" if last and domain.owed(payment):
            known = domain.with_refund(payment, last)
        case _:
            return payment
    return domain.decide(known)[0]


@given(st.lists(st.sampled_from(FACTS), max_size=14))
def test_no_money_is_kept_of_a_cancelled_reservation_once_all_is_known(facts: list[str]) -> None:
    payment = unseen()
    for fact in [*facts, "cancel", "not captured", *["refunded"] * 4]:
        try:
            payment = heard(payment, fact)
        except Refusal:
            continue

    assert payment.payment_status in {None, PaymentStatus.CANCELLED}
    for one in payment.attempts:
        captured = one.outcome is Outcome.CAPTURED
        assert captured == (one.refund is Refund.DONE)
