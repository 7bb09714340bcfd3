"""A delivery ends in the right status from its facts, in whatever order they come."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise, permutations
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from roadbike.contracts.events import (
    AnyDeliveryEvent,
    DeliveryCancelled,
    DeliveryCompleted,
    DeliveryPrepared,
    DeliveryRecalled,
    DeliveryReturned,
    DeliveryStarted,
)
from roadbike.contracts.reasons import Reason
from roadbike.contracts.refusals import CancelsWithReservation
from roadbike.contracts.statuses import DeliveryStatus
from roadbike.delivery import domain
from roadbike.delivery.domain import (
    LIFECYCLE,
    Cause,
    Delivery,
    IllegalMove,
    NoMoreMoves,
    NotAllocated,
)
from tests.purchase_events import Story

NOW = datetime(2026, 11, 25, tzinfo=UTC)
STORY = Story()
DUE: list[Cause] = [STORY.registered(), STORY.approved()]
READY: list[Cause] = [*DUE, STORY.allocated()]
CANCELS: list[Cause] = [STORY.cancelled(), STORY.payment_cancelled()]
ALL: list[Cause] = [*READY, *CANCELS]
ILLEGAL = [  # a cancel is refused in another way
    (from_, to)
    for from_, to in permutations(DeliveryStatus, 2)
    if to is not DeliveryStatus.CANCELLED and not LIFECYCLE.allows(from_, to)
]


def fresh() -> Delivery:
    return Delivery(reservation_id=STORY.reservation_id, delivery_id=STORY.delivery_id, bike_id=1)


def consume(delivery: Delivery, causes: Sequence[Cause]) -> tuple[Delivery, list[AnyDeliveryEvent]]:
    published: list[AnyDeliveryEvent] = []
    for cause in causes:
        delivery, events = domain.decide(domain.noted(delivery, cause))
        published += events
    return delivery, published


def moved_to(status: DeliveryStatus) -> Delivery:
    """A delivery that staff have moved this far."""
    delivery, _ = consume(fresh(), READY)
    steps = [
        DeliveryStatus.STARTED,
        DeliveryStatus.COMPLETED,
        DeliveryStatus.RECALLING,
        DeliveryStatus.RETURNED,
    ]
    if status is DeliveryStatus.CANCELLED:
        return consume(delivery, CANCELS)[0]
    for step in steps[: steps.index(status) + 1] if status in steps else []:
        delivery, _ = domain.moved(delivery, step, NOW, by="staff")
    return delivery


@pytest.mark.parametrize("causes", [*permutations(READY)])
def test_a_parcel_is_prepared_when_it_is_reserved_and_paid(causes: Sequence[Cause]) -> None:
    delivery, published = consume(fresh(), causes)

    assert delivery.delivery_status is DeliveryStatus.PREPARING
    assert [type(event) for event in published] == [DeliveryPrepared]


@pytest.mark.parametrize("missing", DUE)
def test_nothing_is_prepared_without_reservation_or_money(missing: Cause) -> None:
    causes = [cause for cause in READY if cause is not missing]

    assert consume(fresh(), causes)[0].delivery_status is None
    assert consume(fresh(), causes)[1] == []


def test_the_event_carries_the_buyer_and_the_address() -> None:
    _, [prepared] = consume(fresh(), DUE)

    assert prepared == DeliveryPrepared(
        reservation_id=STORY.reservation_id,
        bike_id=1,
        delivery_id=STORY.delivery_id,
        payment_id=STORY.payment_id,
        user_id="alice",
        user_name="김하나",
        zip_code="13497",
        address="성남시 분당구 야탑로 1",
        phone="010-1234-5678",
        delivery_status=DeliveryStatus.PREPARING,
    )


def test_a_cancel_before_any_parcel_is_published_without_one() -> None:
    delivery, [cancelled] = consume(fresh(), [STORY.cancelled()])

    assert cancelled == DeliveryCancelled(
        reservation_id=STORY.reservation_id, bike_id=1, reason=Reason.RESERVATION_CANCELLED
    )
    assert consume(delivery, DUE) == (consume(fresh(), [STORY.cancelled(), *DUE])[0], [])


def test_the_cancel_of_a_reservation_that_was_never_registered_changes_nothing() -> None:
    assert consume(fresh(), [STORY.cancelled(registered=False)]) == (fresh(), [])


def test_a_refund_at_the_provider_stops_the_parcel_too() -> None:
    delivery, published = consume(fresh(), [*DUE, STORY.payment_cancelled()])

    assert delivery.delivery_status is DeliveryStatus.CANCELLED
    assert published[-1] == DeliveryCancelled.of(delivery, reason=Reason.PAYMENT_CANCELLED)


@given(st.permutations([*ALL, *ALL]))
def test_every_order_and_every_repeat_of_a_cancelled_purchase_frees_it_once(
    causes: list[Cause],
) -> None:
    delivery, published = consume(fresh(), causes)

    assert delivery.delivery_status in {None, DeliveryStatus.CANCELLED}
    assert [type(event) for event in published].count(DeliveryCancelled) == 1
    assert published[-1].delivery_status is delivery.delivery_status
    assert (published[-1].delivery_id is None) == (delivery.delivery_status is None)


@pytest.mark.parametrize("cancel", CANCELS)
@pytest.mark.parametrize("status", [DeliveryStatus.STARTED, DeliveryStatus.COMPLETED])
def test_a_parcel_that_has_left_is_recalled(status: DeliveryStatus, cancel: Cause) -> None:
    delivery, [recalled] = consume(moved_to(status), [cancel])

    assert delivery.delivery_status is DeliveryStatus.RECALLING
    assert isinstance(recalled, DeliveryRecalled)


@pytest.mark.parametrize("status", [DeliveryStatus.RECALLING, DeliveryStatus.RETURNED])
def test_a_cancel_changes_nothing_for_a_parcel_on_its_way_back(status: DeliveryStatus) -> None:
    delivery, published = consume(moved_to(status), CANCELS)

    assert delivery.delivery_status is status
    assert published == []


def test_staff_move_a_parcel_all_the_way_there_and_back() -> None:
    delivery, published = moved_to(DeliveryStatus.PREPARING), list[AnyDeliveryEvent]()
    for to in ("STARTED", "COMPLETED", "RECALLING", "RETURNED"):
        delivery, events = domain.moved(delivery, DeliveryStatus[to], NOW, by="staff")
        published += events

    assert [type(event) for event in published] == [
        DeliveryStarted,
        DeliveryCompleted,
        DeliveryRecalled,
        DeliveryReturned,
    ]
    assert published[2].reason is Reason.STAFF


def test_the_server_dates_what_goes_forward() -> None:
    started, _ = domain.moved(
        moved_to(DeliveryStatus.PREPARING), DeliveryStatus.STARTED, NOW, by="staff"
    )

    assert started.delivered_at == NOW


@pytest.mark.parametrize("status", DeliveryStatus)
def test_a_move_to_the_same_status_changes_nothing(status: DeliveryStatus) -> None:
    delivery = moved_to(status)

    assert domain.moved(delivery, status, NOW, by="staff") == (delivery, [])


@pytest.mark.parametrize(("from_", "to"), ILLEGAL)
def test_a_move_that_the_lifecycle_lacks_is_refused_with_both_statuses(
    from_: DeliveryStatus, to: DeliveryStatus
) -> None:
    with pytest.raises(IllegalMove) as refused:
        domain.moved(moved_to(from_), to, NOW, by="staff")

    allowed = refused.value.extra["allowed"]
    assert refused.value.extra == {"deliveryStatus": from_, "wanted": to, "allowed": allowed}
    assert set(allowed) == domain.next_moves(moved_to(from_))
    assert isinstance(refused.value, NoMoreMoves) == (not allowed)


def test_nothing_starts_before_stock_has_allocated_it() -> None:
    prepared, _ = consume(fresh(), DUE)

    assert DeliveryStatus.STARTED not in domain.next_moves(prepared)
    with pytest.raises(NotAllocated):
        domain.moved(prepared, DeliveryStatus.STARTED, NOW, by="staff")


@pytest.mark.parametrize("status", sorted(set(DeliveryStatus) - {DeliveryStatus.CANCELLED}))
def test_a_delivery_is_not_cancelled_by_staff(status: DeliveryStatus) -> None:
    with pytest.raises(CancelsWithReservation) as refused:
        domain.moved(moved_to(status), DeliveryStatus.CANCELLED, NOW, by="staff")

    assert refused.value.reservation_id == STORY.reservation_id


def test_a_label_keeps_what_is_not_given() -> None:
    labelled = domain.labelled(fresh(), "한진택배", "1")

    assert domain.labelled(labelled, None, "2").carrier == "한진택배"
    assert domain.labelled(labelled, None, "2").tracking_number == "2"


class DeliveryMachine(RuleBasedStateMachine):
    """Events in any order, repeated, mixed with any moves of staff."""

    def __init__(self) -> None:
        super().__init__()
        self.delivery, self.published = fresh(), list[AnyDeliveryEvent]()

    @rule(cause=st.sampled_from(ALL))
    def event_comes(self, cause: Cause) -> None:
        self.delivery, events = consume(self.delivery, [cause])
        self.published += events

    @precondition(lambda self: self.delivery.delivery_status is not None)
    @rule(to=st.sampled_from(DeliveryStatus))
    def staff_move(self, to: DeliveryStatus) -> None:
        try:
            self.delivery, events = domain.moved(self.delivery, to, NOW, by="staff")
        except (IllegalMove, NotAllocated, CancelsWithReservation):
            return
        self.published += events

    @invariant()
    def every_change_was_published_and_follows_the_lifecycle(self) -> None:
        statuses = [event.delivery_status for event in self.published]
        assert (statuses or [None])[-1] is self.delivery.delivery_status
        for before, after in pairwise(statuses):
            assert before is not None
            assert after is not None
            assert LIFECYCLE.allows(before, after)

    @invariant()
    def a_cancelled_purchase_keeps_no_parcel_going(self) -> None:
        if self.delivery.reservation_cancelled or self.delivery.payment_cancelled:
            assert self.delivery.delivery_status not in {
                DeliveryStatus.PREPARING,
                DeliveryStatus.STARTED,
                DeliveryStatus.COMPLETED,
            }

    @invariant()
    def what_left_was_allocated_and_paid(self) -> None:
        if any(isinstance(event, DeliveryStarted) for event in self.published):
            assert self.delivery.is_allocated
            assert self.delivery.is_paid
            assert isinstance(self.delivery.payment_id, UUID)

    @invariant()
    def its_unit_is_freed_at_most_once(self) -> None:
        freeing = (DeliveryCancelled, DeliveryReturned)
        assert sum(isinstance(event, freeing) for event in self.published) <= 1


TestLifecycle = DeliveryMachine.TestCase
