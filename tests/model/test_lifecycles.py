"""Each service alone keeps to its lifecycle, whatever messages and requests come in any order."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, ClassVar, Final, Generic, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from roadbike.contracts.events import (
    DeliveryCancelled,
    DeliveryReturned,
    ReservationCancelled,
    ReservationRegistered,
)
from roadbike.contracts.statuses import DeliveryStatus, PaymentStatus, ReservationStatus
from roadbike.kit.pure.events import Event
from tests.model.delivery_model import DeliveryState, delivery_model
from tests.model.payment_model import PaymentState, Surroundings, open_payment, payment_model
from tests.model.reservation_model import (
    ReservationState,
    give_up_not_opened,
    register_opened,
    reservation_model,
)
from tests.model.service_model import (
    BUYER,
    DELIVERY_ID,
    PAYMENT_ID,
    PRICE,
    RESERVATION_ID,
    ServiceModel,
    ServiceState,
    Step,
)
from tests.purchase_events import Story

MOST_STEPS: Final = 100  # more than any purchase needs

S = TypeVar("S", bound=ServiceState)
NextStatuses = Mapping[Any, AbstractSet[Any]]

STORY: Final = Story(
    user_id=BUYER,
    price=PRICE,
    reservation_id=RESERVATION_ID,
    payment_id=PAYMENT_ID,
    delivery_id=DELIVERY_ID,
)
CANCELS: Final = [STORY.cancelled(), STORY.cancelled(registered=False)]


class Lifecycle(RuleBasedStateMachine, Generic[S]):
    """status: the name of the status on my page. next_statuses: those that may follow each."""

    status: ClassVar[str]
    next_statuses: ClassVar[NextStatuses]

    def __init__(self, service: ServiceModel[S]) -> None:
        super().__init__()
        self.service, self.state = service, service.state
        self.published: list[Event] = []

    def go(self, step: Step[S]) -> None:
        """Take the step: each published status follows the one before and is on my page."""
        before, after = (getattr(state.page, self.status) for state in (self.state, step.state))
        statuses = [getattr(event, self.status, None) for event in step.published]
        for status in [status for status in statuses if status is not None]:
            assert status in self.next_statuses.get(before, set())
            before = status
        assert before is after
        self.state = step.state
        self.published += step.published

    @rule(data=st.data())
    def something_happens(self, data: st.DataObject) -> None:
        if steps := [step for _, step in self.service.possible_actions(self.state)]:
            self.go(data.draw(st.sampled_from(steps)))

    def count(self, *events: type[Event]) -> int:
        return sum(isinstance(event, events) for event in self.published)


class ReservationLifecycle(Lifecycle[ReservationState]):
    status = "reservation_status"
    next_statuses: ClassVar[NextStatuses] = {
        None: {ReservationStatus.RESERVED, ReservationStatus.CANCELLED},
        ReservationStatus.RESERVED: {ReservationStatus.CANCELLED},
    }

    def __init__(self) -> None:
        super().__init__(reservation_model(1))

    @rule(event=st.sampled_from([STORY.allocated(), STORY.released(), STORY.short()]))
    def consumes_an_event_of_stock(self, event: Event) -> None:
        self.go(self.service.consume(self.state, event))

    @rule(event=st.sampled_from([STORY.started(), STORY.completed(), STORY.returned()]))
    def consumes_an_event_of_delivery(self, event: Event) -> None:
        self.go(self.service.consume(self.state, event))

    @rule(event=st.sampled_from([STORY.expired(), STORY.payment_cancelled()]))
    def consumes_an_event_of_payment(self, event: Event) -> None:
        self.go(self.service.consume(self.state, event))

    @rule(request=st.sampled_from([register_opened, give_up_not_opened]))
    def continues_the_request(self, request: Any) -> None:
        self.go(request(self.service, self.state))

    @invariant()
    def its_unit_becomes_available_once(self) -> None:
        assert self.state.copy.unanswered == (not self.state.reservation.answered)

    @invariant()
    def buyers_can_cancel_until_the_bike_is_shipped(self) -> None:
        names = {action.name for action, _ in self.service.possible_actions(self.state)}
        may_cancel = "the buyer cancels" in names
        reserved = self.state.reservation.reservation_status is ReservationStatus.RESERVED
        assert may_cancel == (reserved and not self.state.reservation.shipped)

    @invariant()
    def it_is_published_once(self) -> None:
        assert self.count(ReservationRegistered) == self.state.reservation.registered
        assert self.count(ReservationCancelled) <= 1


class PaymentLifecycle(Lifecycle[PaymentState]):
    status = "payment_status"
    next_statuses: ClassVar[NextStatuses] = {
        None: {PaymentStatus.DUE},
        PaymentStatus.DUE: {
            PaymentStatus.CONFIRMING,
            PaymentStatus.PAID,
            PaymentStatus.CANCELLED,
        },
        PaymentStatus.CONFIRMING: {PaymentStatus.DUE, PaymentStatus.PAID},
        PaymentStatus.PAID: {PaymentStatus.REFUNDING, PaymentStatus.CANCELLED},
        PaymentStatus.REFUNDING: {PaymentStatus.CANCELLED},
    }

    def __init__(self) -> None:
        super().__init__(
            payment_model(
                Surroundings(tries=3, late_captures=True, outside_refunds=True, late_answers=True)
            )
        )

    @rule(event=st.sampled_from(CANCELS))
    def consumes(self, event: Event) -> None:
        self.go(self.service.consume(self.state, event))

    @rule()
    def is_asked_to_open(self) -> None:
        self.go(open_payment(self.service, self.state))

    @invariant()
    def a_cancelled_one_is_neither_payable_nor_paid(self) -> None:
        if self.state.payment.cancel_asked:
            status = self.state.payment.payment_status
            assert status not in {PaymentStatus.DUE, PaymentStatus.PAID}

    @invariant()
    def our_ledger_has_nothing_that_did_not_happen(self) -> None:
        assert self.state.ledger <= self.state.provider_ledger

    def teardown(self) -> None:
        """When nothing is due any more, the provider holds the price of a paid payment only."""
        for _ in range(MOST_STEPS):
            possible = self.service.possible_actions(self.state)
            due = (step for action, step in possible if action.due)
            if (step := next(due, None)) is None:
                break
            self.go(step)
        else:
            raise AssertionError(f"not settled after {MOST_STEPS} steps")
        assert self.state.prices_held == (self.state.payment.payment_status is PaymentStatus.PAID)
        assert self.state.ledger == self.state.provider_ledger


class DeliveryLifecycle(Lifecycle[DeliveryState]):
    status = "delivery_status"
    next_statuses: ClassVar[NextStatuses] = {
        None: {DeliveryStatus.PREPARING},
        DeliveryStatus.PREPARING: {DeliveryStatus.STARTED, DeliveryStatus.CANCELLED},
        DeliveryStatus.STARTED: {DeliveryStatus.COMPLETED, DeliveryStatus.RECALLING},
        DeliveryStatus.COMPLETED: {DeliveryStatus.RECALLING},
        DeliveryStatus.RECALLING: {DeliveryStatus.RETURNED},
    }

    def __init__(self) -> None:
        super().__init__(delivery_model(recalls=True))

    @rule(
        event=st.sampled_from(
            [
                *(STORY.registered(), STORY.approved(), STORY.allocated()),
                *(STORY.payment_cancelled(), *CANCELS),
            ]
        )
    )
    def consumes(self, event: Event) -> None:
        self.go(self.service.consume(self.state, event))

    @invariant()
    def its_unit_is_freed_at_most_once(self) -> None:
        assert self.count(DeliveryCancelled, DeliveryReturned) <= 1


SETTINGS: Final = settings(max_examples=200, stateful_step_count=15)

TestReservation = ReservationLifecycle.TestCase
TestPayment = PaymentLifecycle.TestCase
TestDelivery = DeliveryLifecycle.TestCase

TestReservation.settings = SETTINGS
TestPayment.settings = SETTINGS
TestDelivery.settings = SETTINGS
