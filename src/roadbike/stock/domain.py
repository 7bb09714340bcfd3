"""What a bike and an allocation are, and what follows from what is known of them.

An allocation is the one unit of a bike that a reservation asks for. What was heard of its purchase
is kept on it as facts; `decide` draws the conclusions, in whatever order the facts came.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, TypeVar
from uuid import UUID

from roadbike.contracts.events import (
    AllocationEvent,
    AnyAllocationEvent,
    AnyBikeEvent,
    StockAllocated,
    StockChanged,
    StockRegistered,
    StockReleased,
    StockRemoved,
    StockShort,
)
from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import StockStatus
from roadbike.kit.pure.lifecycle import Lifecycle
from roadbike.kit.pure.refusals import PreconditionFailed, Refusal

A = TypeVar("A", bound=AllocationEvent)
StockEvent = AnyAllocationEvent | AnyBikeEvent


class State(StrEnum):
    UNSEEN = "unseen"  # something was heard of the purchase, but not its claim
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


class Why(StrEnum):
    """Why the number of units in the shop changed."""

    STAFF = "staff"
    SHIPPED = "shipped"
    RETURNED = "returned"


class BikeExists(Refusal):
    """The number is taken, be it by a bike that was withdrawn."""

    slug = "bike-exists"
    status = 409


class BelowHeld(Refusal):
    """Fewer units are wanted than are held for buyers."""

    slug = "below-held"
    status = 422


@dataclass(frozen=True, kw_only=True, slots=True)
class Bike:
    """A bike of the catalogue. `price` in KRW.

    version: counts what is told of it, and is its ETag.
    free_seq: goes up by one at each change of `free`.
    """

    bike_id: int
    bike_name: str
    price: int
    stock_quantity: int
    held_quantity: int = 0
    brand: str | None = None
    frame_size: str | None = None
    colour: str | None = None
    description: str | None = None
    withdrawn: bool = False
    version: int = 1
    free_seq: int = 1
    row_version: int = 0

    @property
    def free(self) -> int:
        return self.stock_quantity - self.held_quantity

    @property
    def bike_version(self) -> int:
        """The version, as the other services call it."""
        return self.version


@dataclass(frozen=True, kw_only=True, slots=True)
class Allocation:
    """What was heard of one purchase, and what became of its unit."""

    reservation_id: UUID
    bike_id: int
    registered: bool = False
    reserve_seq: int | None = None
    cancelled: bool = False
    closed: bool = False  # its delivery does not leave, and will not
    started: bool = False
    returned: bool = False
    state: State = State.UNSEEN
    row_version: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Movement:
    """One entry of the ledger: units that came into the shop or left it."""

    bike_id: int
    delta: int
    why: Why
    reservation_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What is new, and what happened, in order."""

    allocation: Allocation
    bike: Bike
    movements: tuple[Movement, ...] = ()
    events: tuple[StockEvent, ...] = ()

    def then(self, later: "Decision") -> "Decision":
        movements, events = self.movements + later.movements, self.events + later.events
        return replace(later, movements=movements, events=events)


# the units held for purchases ------------------------------------------------------------


def decide(allocation: Allocation, bike: Bike) -> Decision:
    """What follows from the facts known so far, in whatever order they came."""
    decision = Decision(allocation, bike)
    while step := _next(decision.allocation):
        decision = decision.then(step(decision.allocation, decision.bike))
    return decision


def _next(known: Allocation) -> Callable[[Allocation, Bike], Decision] | None:
    match known.state:
        case State.UNSEEN:
            return _answered if known.registered else None
        case State.HELD if known.started or known.returned:
            return _shipped  # what came back had left, even if that is heard later
        case State.HELD:
            return _released if known.closed else None  # a cancel alone frees nothing: it may leave
        case State.SHIPPED:
            return _returned if known.returned else None
        case State.SHORT | State.RELEASED | State.RETURNED:
            return None  # final


def _answered(claim: Allocation, bike: Bike) -> Decision:
    if claim.cancelled or claim.closed:
        reason = Reason.RESERVATION_CANCELLED if claim.cancelled else Reason.NOT_SENT
        released = _to(State.RELEASED, claim)
        return Decision(released, bike, (), (_told(StockReleased, released, bike, reason),))
    if bike.free <= 0:
        short = _to(State.SHORT, claim)
        return Decision(short, bike, (), (_told(StockShort, short, bike, Reason.SOLD_OUT),))
    held, bike = _to(State.HELD, claim), _moved(bike, held=+1)
    return Decision(held, bike, (), (_told(StockAllocated, held, bike),))


def _released(held: Allocation, bike: Bike) -> Decision:
    released, bike = _to(State.RELEASED, held), _moved(bike, held=-1)
    return Decision(released, bike, (), (_told(StockReleased, released, bike, Reason.NOT_SENT),))


def _shipped(held: Allocation, bike: Bike) -> Decision:
    shipped, after = _to(State.SHIPPED, held), _moved(bike, stock=-1, held=-1)
    entry = _entry(shipped, -1, Why.SHIPPED)
    return Decision(shipped, after, (entry,), (told_of(bike, after),))


def _returned(shipped: Allocation, bike: Bike) -> Decision:
    returned, after = _to(State.RETURNED, shipped), _moved(bike, stock=+1)
    entry = _entry(returned, +1, Why.RETURNED)
    released = _told(StockReleased, returned, after, Reason.RETURNED)
    return Decision(returned, after, (entry,), (released, told_of(bike, after)))


def _to(state: State, allocation: Allocation) -> Allocation:
    LIFECYCLE.check(allocation.state, state)
    return replace(allocation, state=state)


def _moved(bike: Bike, *, stock: int = 0, held: int = 0) -> Bike:
    """What moves stockQty is a new version; what moves free is a new free_seq."""
    return replace(
        bike,
        stock_quantity=bike.stock_quantity + stock,
        held_quantity=bike.held_quantity + held,
        version=bike.version + (stock != 0),
        free_seq=bike.free_seq + (stock != held),
    )


def _entry(allocation: Allocation, delta: int, why: Why) -> Movement:
    return Movement(
        bike_id=allocation.bike_id,
        delta=delta,
        why=why,
        reservation_id=allocation.reservation_id,
    )


def _told(event: type[A], allocation: Allocation, bike: Bike, reason: Reason | None = None) -> A:
    return event(
        reservation_id=allocation.reservation_id,
        bike_id=allocation.bike_id,
        stock_status=STATUSES[event],
        reason=reason,
        bike_version=bike.version,
        free=bike.free,
        free_seq=bike.free_seq,
    )


STATUSES: Final[Mapping[type[AllocationEvent], StockStatus]] = {
    StockAllocated: StockStatus.ALLOCATED,
    StockShort: StockStatus.SHORT,
    StockReleased: StockStatus.RELEASED,
}


# the catalogue, as staff keep it ---------------------------------------------------------


def unknown(bike_id: int) -> Bike:
    """A bike that nobody has registered: of it there is nothing, and never was."""
    return Bike(bike_id=bike_id, bike_name="", price=0, stock_quantity=0, version=0, free_seq=0)


def edited(bike: Bike, changes: Mapping[str, Any]) -> Bike:
    """The bike with these fields changed, and on sale, as every edit says that it is."""
    return _counted(bike, replace(bike, **changes, withdrawn=False))


def taken_off_sale(bike: Bike) -> Bike:
    return _counted(bike, replace(bike, withdrawn=True))


def _counted(before: Bike, after: Bike) -> Bike:
    if after == before:
        return before  # nothing to tell of
    free_seq = before.free_seq + (after.free != before.free)
    return replace(after, version=before.version + 1, free_seq=free_seq)


def entered(before: Bike, after: Bike) -> tuple[Movement, ...]:
    """What staff moved, for the ledger."""
    delta = after.stock_quantity - before.stock_quantity
    return (Movement(bike_id=after.bike_id, delta=delta, why=Why.STAFF),) if delta else ()


def told_of(before: Bike, after: Bike) -> AnyBikeEvent:
    """Each event says by its name whether the bike is on sale: the latest one decides, alone."""
    if after.withdrawn:
        return StockRemoved.of(after)  # also when a unit sold before leaves or comes back
    return StockRegistered.of(after) if _is_new(before) else StockChanged.of(after)


def _is_new(before: Bike) -> bool:
    return before.withdrawn or before.version == 0


def refused_edit(bike: Bike, version: int) -> Refusal:
    """Why an edit of that version of the bike could not be made."""
    if bike.version != version:
        return PreconditionFailed()
    return BelowHeld(pointer="/stockQty", held=bike.held_quantity)
