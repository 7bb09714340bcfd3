"""Every order of the facts ends in the same, right payment."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from roadbike.contracts.statuses import PaymentStatus
from roadbike.kit.pure.refusals import Refusal
from roadbike.payment import domain
from roadbike.payment.domain import Outcome, Payment, Refund
from tests.payment.builders import (
    Decision,
    attempted,
    cancelled,
    captured,
    declined,
    opened,
    refunded,
    unopened,
)

PAYABLE = {PaymentStatus.DUE, PaymentStatus.CONFIRMING}
STEPS: dict[str, Callable[[Payment], Decision]] = {"open": opened, "cancel": cancelled}


def after(steps: list[str]) -> tuple[Payment, list[str]]:
    """Return the payment after those steps, and the events; a refusal changes nothing."""
    payment, published = unopened(), []
    for step in steps:
        try:
            payment, events = STEPS[step](payment)
        except Refusal:
            continue
        published += [type(event).__name__ for event in events]
    return payment, published


@given(st.permutations(["open", "open", "cancel", "cancel", "cancel"]))
def test_a_cancel_and_a_late_open_never_leave_a_payable_payment(steps: list[str]) -> None:
    payment, published = after(steps)

    assert payment.payment_status not in PAYABLE
    assert published == (["PaymentOpened", "PaymentCancelled"] if steps[0] == "open" else [])


@given(st.lists(st.sampled_from(sorted(STEPS))))
def test_a_payment_is_payable_only_if_it_was_opened_and_nobody_cancelled(
    steps: list[str],
) -> None:
    payment, published = after(steps)

    assert (payment.payment_status in PAYABLE) == ("open" in steps and "cancel" not in steps)
    assert len(published) == len(set(published))  # each event is published once


FACTS: dict[str, Callable[[Payment], Decision]] = {
    "open": opened,
    "attempt": attempted,
    "cancel": lambda payment: domain.decide(replace(payment, cancel_asked=True)),
    "expire": lambda payment: domain.decide(domain.expired(payment)),
    "captured": captured,
    "not captured": declined,
    "refunded": refunded,
}


def is_possible(payment: Payment, fact: str) -> bool:
    """The provider speaks only of attempts that were made, and refunds only what is owed."""
    match fact:
        case "captured" | "not captured":
            return bool(payment.attempts)
        case "refunded":
            return any(one.refund is Refund.OWED for one in payment.attempts)
        case _:
            return True


@given(st.lists(st.sampled_from(sorted(FACTS)), max_size=14))
def test_no_money_is_kept_of_a_cancelled_reservation_once_all_is_known(facts: list[str]) -> None:
    payment = unopened()
    for fact in [*facts, "cancel", "not captured", *["refunded"] * 4]:
        if is_possible(payment, fact):
            with suppress(Refusal):
                payment, _ = FACTS[fact](payment)

    assert payment.payment_status in {None, PaymentStatus.CANCELLED}
    for one in payment.attempts:
        was_captured = one.outcome is Outcome.CAPTURED
        assert was_captured == (one.refund is Refund.DONE)
