"""The units held for reservations.

An allocation is the one unit of a bike that a reservation asks for. Each event about the purchase
is noted on it as a fact; `decide` concludes from the facts, in whatever order they came.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeVar, assert_never
from uuid import UUID

from roadbike.contracts.events import (
    AllocationEvent,
    AnyAllocationEvent,
    AnyBikeEvent,
    DeliveryCancelled,
    DeliveryReturned,
    DeliveryStarted,
    ReservationCancelled,
    ReservationEvent,
    ReservationRegistered,
    StockAllocated,
    StockReleased,
    StockShort,
)
from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import StockStatus
from roadbike.kit.pure.events import RefusedEvent
from roadbike.kit.pure.lifecycle import Lifecycle
from roadbike.stock.domain.bikes import Bike, Movement, Why, bike_event, moved, serves

A = TypeVar("A", bound=AllocationEvent)

Cause = (
    ReservationRegistered
    | ReservationCancelled
    | DeliveryCancelled
    | DeliveryStarted
    | DeliveryReturned
)
StockEvent = AnyAllocationEvent | AnyBikeEvent

STATUSES: Final[Mapping[type[AllocationEvent], StockStatus]] = {
    StockAllocated: StockStatus.ALLOCATED,
    StockShort: StockStatus.SHORT,
    StockReleased: StockStatus.RELEASED,
}


class State(StrEnum):
    """What became of the unit that a reservation asks for."""

    UNSEEN = "unseen"  # there are facts about the purchase, but not yet its registration
    HELD = "held"
    SHORT = "short"
    RELEASED = "released"
    SHIPPED = "shipped"
    RETURNED = "returned"


LIFECYCLE: Final = Lifecycle(
    {
        State.UNSEEN: {State.HELD, State.SHORT, State.RELEASED},
        State.HELD: {State.SHIPPED, State.RELEASED},
        State.SHIPPED: {State.RETURNED},
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Allocation:
    """The facts known of one purchase, and the state of its unit.

    bike_id: the reservation says which bike; before that, the first event about the purchase does.
    reserved_at: when it was reserved, by reservation's database.
    """

    reservation_id: UUID
    bike_id: int
    registered: bool = False
    reserve_seq: int | None = None
    reserved_at: datetime | None = None
    cancelled: bool = False  # the reservation
    closed: bool = False  # the delivery: the bike does not leave the shop
    started: bool = False
    returned: bool = False
    state: State = State.UNSEEN
    row_version: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """The allocation and the bike as they are now; ledger entries and events, in order."""

    allocation: Allocation
    bike: Bike
    movements: list[Movement] = field(default_factory=list)
    events: list[StockEvent] = field(default_factory=list)


def noted(allocation: Allocation, cause: Cause) -> Allocation:
    """Return the allocation with one more fact; an equal one when the fact was known before.

    Raises RefusedEvent when the event names another bike than what is known; but before the
    registration, an event of the reservation replaces what others have said about another bike.
    """
    if cause.bike_id != allocation.bike_id:
        allocation = _of_reserved_bike(allocation, cause)
    match cause:
        case ReservationRegistered():
            return replace(
                allocation,
                registered=True,
                reserve_seq=cause.reserve_seq,
                reserved_at=cause.reserved_at,
            )
        case ReservationCancelled():
            if not cause.registered:
                return allocation  # it was never registered: stock has nothing to hold or free
            return replace(allocation, cancelled=True)
        case DeliveryCancelled():
            return replace(allocation, closed=True)
        case DeliveryStarted():
            return replace(allocation, started=True)
        case DeliveryReturned():
            return replace(allocation, returned=True)
        case _:
            assert_never(cause)


def is_contradicted(allocation: Allocation, cause: Cause) -> bool:
    """Return whether the reservation names another bike than what was noted before."""
    return isinstance(cause, ReservationEvent) and cause.bike_id != allocation.bike_id


def _of_reserved_bike(allocation: Allocation, cause: Cause) -> Allocation:
    """Return the allocation without the facts that were noted under another bike."""
    if allocation.registered or not isinstance(cause, ReservationEvent):
        raise RefusedEvent(f"the purchase is of bike {allocation.bike_id}, not {cause.bike_id}")
    return Allocation(
        reservation_id=allocation.reservation_id,
        bike_id=cause.bike_id,
        row_version=allocation.row_version,
    )


def decide(allocation: Allocation, bike: Bike, *, behind: bool = False) -> Decision:
    """Return what follows from the facts known so far, in whatever order they came.

    behind: no claim is answered; that is decided once more when stock has caught up.
    """
    decision = Decision(allocation=allocation, bike=bike)
    while step := _step(decision.allocation, decision.bike, behind=behind):
        decision = Decision(
            allocation=step.allocation,
            bike=step.bike,
            movements=decision.movements + step.movements,
            events=decision.events + step.events,
        )
    return decision


def _step(allocation: Allocation, bike: Bike, *, behind: bool) -> Decision | None:
    match allocation.state:
        case State.UNSEEN if allocation.registered and not behind:
            return _answered(allocation, bike)
        case State.HELD if allocation.started or allocation.returned:
            return _shipped(allocation, bike)  # what came back has left, even if that comes later
        case State.HELD if allocation.closed:  # `cancelled` is not enough: the bike may be leaving
            return _released(allocation, bike)
        case State.SHIPPED if allocation.returned:
            return _returned(allocation, bike)
        case _:
            return None


def _answered(claim: Allocation, bike: Bike) -> Decision:
    if claim.cancelled or claim.closed:
        reason = Reason.RESERVATION_CANCELLED if claim.cancelled else Reason.NOT_SENT
        released = _to(State.RELEASED, claim)
        event: StockEvent = _event(StockReleased, released, bike, reason)
        return Decision(allocation=released, bike=bike, events=[event])
    if bike.free <= 0 or not serves(bike, claim.reserved_at):
        short = _to(State.SHORT, claim)
        event = _event(StockShort, short, bike, Reason.SOLD_OUT)
        return Decision(allocation=short, bike=bike, events=[event])
    held, after = _to(State.HELD, claim), moved(bike, held=+1)
    return Decision(allocation=held, bike=after, events=[_event(StockAllocated, held, after)])


def _released(held: Allocation, bike: Bike) -> Decision:
    released, after = _to(State.RELEASED, held), moved(bike, held=-1)
    event = _event(StockReleased, released, after, Reason.NOT_SENT)
    return Decision(allocation=released, bike=after, events=[event])


def _shipped(held: Allocation, bike: Bike) -> Decision:
    shipped, after = _to(State.SHIPPED, held), moved(bike, stock=-1, held=-1)
    return Decision(
        allocation=shipped,
        bike=after,
        movements=[_movement(shipped, -1, Why.SHIPPED)],
        events=[bike_event(bike, after)],
    )


def _returned(shipped: Allocation, bike: Bike) -> Decision:
    returned, after = _to(State.RETURNED, shipped), moved(bike, stock=+1)
    released = _event(StockReleased, returned, after, Reason.RETURNED)
    return Decision(
        allocation=returned,
        bike=after,
        movements=[_movement(returned, +1, Why.RETURNED)],
        events=[released, bike_event(bike, after)],
    )


def _to(state: State, allocation: Allocation) -> Allocation:
    LIFECYCLE.check(allocation.state, state)
    return replace(allocation, state=state)


def _movement(allocation: Allocation, delta: int, why: Why) -> Movement:
    return Movement(
        bike_id=allocation.bike_id,
        delta=delta,
        why=why,
        reservation_id=allocation.reservation_id,
    )


def _event(event: type[A], allocation: Allocation, bike: Bike, reason: Reason | None = None) -> A:
    return event(
        reservation_id=allocation.reservation_id,
        bike_id=allocation.bike_id,
        stock_status=STATUSES[event],
        reason=reason,
        bike_version=bike.version,
        free=bike.free,
        free_seq=bike.free_seq,
    )
