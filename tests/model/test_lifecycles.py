"""Each service by itself, told anything at any time: its life cycle holds all the same."""

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
from tests.model.delivery import DeliveryBooks, delivery
from tests.model.house import (
    BUYER,
    DELIVERY_ID,
    PAYMENT_ID,
    PRICE,
    RESERVATION_ID,
    Books,
    House,
    Step,
)
from tests.model.payment import Habits, PaymentBooks, payment, put
from tests.model.reservation import ReservationBooks, reservation, tx_2, tx_2_undone
from tests.purchases import Story

LONG: Final = 100  # steps: more than any purchase needs

B = TypeVar("B", bound=Books)
Arrows = Mapping[Any, AbstractSet[Any]]

STORY: Final = Story(
    user_id=BUYER,
    price=PRICE,
    reservation_id=RESERVATION_ID,
    payment_id=PAYMENT_ID,
    delivery_id=DELIVERY_ID,
)
CANCELS: Final = [STORY.cancelled(), STORY.cancelled(registered=False)]


class Life(RuleBasedStateMachine, Generic[B]):
    """status: the name of the status, on my page. arrows: where each may lead."""

    status: ClassVar[str]
    arrows: ClassVar[Arrows]

    def __init__(self, house: House[B]) -> None:
        super().__init__()
        self.house, self.books = house, house.books
        self.told: list[Event] = []

    def go(self, step: Step[B]) -> None:
        """What was told is seen on my page, and led along the arrows."""
        before, after = (getattr(books.page, self.status) for books in (self.books, step.books))
        steps = [getattr(event, self.status, None) for event in step.told]
        for now in [one for one in steps if one is not None]:
            assert now in self.arrows.get(before, set())
            before = now
        assert before is after
        self.books = step.books
        self.told += step.told

    @rule(data=st.data())
    def something_happens(self, data: st.DataObject) -> None:
        if steps := [step for _, step in self.house.moved(self.books)]:
            self.go(data.draw(st.sampled_from(steps)))

    def count(self, *events: type[Event]) -> int:
        return sum(isinstance(event, events) for event in self.told)


class ReservationLife(Life[ReservationBooks]):
    status = "reservation_status"
    arrows: ClassVar[Arrows] = {
        None: {ReservationStatus.RESERVED, ReservationStatus.CANCELLED},
        ReservationStatus.RESERVED: {ReservationStatus.CANCELLED},
    }

    def __init__(self) -> None:
        super().__init__(reservation(1))

    @rule(event=st.sampled_from([STORY.allocated(), STORY.released(), STORY.short()]))
    def hears_of_its_unit(self, event: Event) -> None:
        self.go(self.house.hear(self.books, event))

    @rule(event=st.sampled_from([STORY.started(), STORY.completed(), STORY.returned()]))
    def hears_of_its_delivery(self, event: Event) -> None:
        self.go(self.house.hear(self.books, event))

    @rule(event=st.sampled_from([STORY.expired(), STORY.payment_cancelled()]))
    def hears_of_its_payment(self, event: Event) -> None:
        self.go(self.house.hear(self.books, event))

    @rule(request=st.sampled_from([tx_2, tx_2_undone]))
    def goes_on_with_the_request(self, request: Any) -> None:
        self.go(request(self.house, self.books))

    @invariant()
    def its_place_is_given_back_once(self) -> None:
        assert self.books.copy.unanswered == (not self.books.reservation.answered)

    @invariant()
    def what_was_sent_off_only_staff_can_undo(self) -> None:
        names = {move.name for move, _ in self.house.moved(self.books)}
        may_cancel = "the buyer cancels" in names
        reserved = self.books.reservation.reservation_status is ReservationStatus.RESERVED
        assert may_cancel == (reserved and not self.books.reservation.shipped)

    @invariant()
    def it_is_told_once(self) -> None:
        assert self.count(ReservationRegistered) == self.books.reservation.registered
        assert self.count(ReservationCancelled) <= 1


class PaymentLife(Life[PaymentBooks]):
    status = "payment_status"
    arrows: ClassVar[Arrows] = {
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
        super().__init__(payment(Habits(tries=3, late=True, outside=True, slow=True)))

    @rule(event=st.sampled_from(CANCELS))
    def consumes(self, event: Event) -> None:
        self.go(self.house.hear(self.books, event))

    @rule()
    def is_asked_to_open(self) -> None:
        self.go(put(self.house, self.books))

    @invariant()
    def a_cancelled_one_is_neither_payable_nor_paid(self) -> None:
        if self.books.payment.cancel_asked:
            status = self.books.payment.payment_status
            assert status not in {PaymentStatus.DUE, PaymentStatus.PAID}

    @invariant()
    def we_never_think_that_more_has_moved_than_has(self) -> None:
        assert self.books.ledger <= self.books.true_ledger

    def teardown(self) -> None:
        """In the end we hold the money of what is paid, and no other."""
        for _ in range(LONG):
            due = (step for move, step in self.house.moved(self.books) if move.due)
            if (step := next(due, None)) is None:
                break
            self.go(step)
        else:
            raise AssertionError("it never comes to rest")
        assert self.books.held_money == (self.books.payment.payment_status is PaymentStatus.PAID)
        assert self.books.ledger == self.books.true_ledger


class DeliveryLife(Life[DeliveryBooks]):
    status = "delivery_status"
    arrows: ClassVar[Arrows] = {
        None: {DeliveryStatus.PREPARING},
        DeliveryStatus.PREPARING: {DeliveryStatus.STARTED, DeliveryStatus.CANCELLED},
        DeliveryStatus.STARTED: {DeliveryStatus.COMPLETED, DeliveryStatus.RECALLING},
        DeliveryStatus.COMPLETED: {DeliveryStatus.RECALLING},
        DeliveryStatus.RECALLING: {DeliveryStatus.RETURNED},
    }

    def __init__(self) -> None:
        super().__init__(delivery(recalls=True))

    @rule(
        event=st.sampled_from(
            [
                *(STORY.registered(), STORY.approved(), STORY.allocated()),
                *(STORY.payment_cancelled(), *CANCELS),
            ]
        )
    )
    def consumes(self, event: Event) -> None:
        self.go(self.house.hear(self.books, event))

    @invariant()
    def its_unit_is_freed_at_most_once(self) -> None:
        assert self.count(DeliveryCancelled, DeliveryReturned) <= 1


SETTINGS: Final = settings(max_examples=200, stateful_step_count=15)

TestReservation = ReservationLife.TestCase
TestPayment = PaymentLife.TestCase
TestDelivery = DeliveryLife.TestCase

TestReservation.settings = SETTINGS
TestPayment.settings = SETTINGS
TestDelivery.settings = SETTINGS
