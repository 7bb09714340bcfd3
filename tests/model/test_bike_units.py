"""Several purchases of one bike, while staff edit and withdraw it and clocks step.

Its units are always counted right; a clock changes only who gets one.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from roadbike.contracts.events import AllocationEvent, BikeEvent
from roadbike.contracts.statuses import StockStatus
from roadbike.kit.pure.conditions import exactly
from roadbike.reservation import domain as reservation
from roadbike.reservation.domain import Bike as Copy
from roadbike.stock import domain
from roadbike.stock.domain import Allocation, BelowHeld, Bike, Movement, State, StockEvent
from roadbike.stock.domain.bikes import CLOCK_DIFFERENCE
from tests.model.in_memory_tx import NOW
from tests.model.invariants import SHOWN_AS
from tests.model.service_model import BIKE_ID, PRICE

BUYERS: Final = 3
STEPS: Final = (-3600, -1, -0.5, 0, 0.5, 1, 3600)  # seconds
FACTS: Final = ("registered", "cancelled", "closed", "started", "returned")
NEXT_STATES: Final = {
    State.UNSEEN: {State.HELD, State.SHORT, State.RELEASED},
    State.HELD: {State.SHIPPED, State.RELEASED},
    State.SHIPPED: {State.RETURNED},
}


class BikeUnits(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.bike = Bike(bike_id=BIKE_ID, bike_name="TREK Emonda", price=PRICE, stock_quantity=1)
        self.allocations = {
            UUID(int=buyer): Allocation(reservation_id=UUID(int=buyer), bike_id=BIKE_ID)
            for buyer in range(BUYERS)
        }
        self.clock = self.reservations_clock = NOW  # of the two databases
        nothing = domain.unknown(BIKE_ID)
        self.ledger: list[Movement] = [*domain.staff_movements(nothing, self.bike)]
        self.published: list[StockEvent] = [domain.bike_event(nothing, self.bike)]

    @rule(buyer=st.integers(0, BUYERS - 1), fact=st.sampled_from(FACTS))
    def stock_learns_a_fact(self, buyer: int, fact: str) -> None:
        known = self.allocations[UUID(int=buyer)]
        learned: dict[str, Any] = {fact: True}
        if fact == "registered" and not known.registered:
            learned["reserved_at"] = self.reservations_clock

        decision = domain.decide(replace(known, **learned), self.bike)

        self.allocations[known.reservation_id] = decision.allocation
        self.bike = decision.bike
        self._write(decision.movements, decision.events)
        assert decision.allocation.state in _reachable(known.state)
        if decision.allocation.state is State.SHORT and known.state is State.UNSEEN:
            self._assert_short_rightly(decision.allocation)

    @rule(units=st.integers(0, 4))
    def staff_count(self, units: int) -> None:
        if units < self.bike.held_quantity:  # the statement finds no row
            assert isinstance(domain.refused_edit(self.bike, exactly(self.bike.version)), BelowHeld)
        else:
            self._edit(domain.edited(self.bike, {"stock_quantity": units}, self.clock))

    @rule(price=st.sampled_from([PRICE, 2 * PRICE]))
    def staff_price(self, price: int) -> None:
        self._edit(domain.edited(self.bike, {"price": price}, self.clock))

    @rule()
    def staff_withdraw(self) -> None:
        self._edit(domain.withdrawn(self.bike, self.clock))

    @rule()
    def staff_put_back_on_sale(self) -> None:
        self._edit(domain.edited(self.bike, {}, self.clock, on_sale=True))

    @rule(of_stock=st.sampled_from(STEPS), of_reservation=st.sampled_from(STEPS))
    def the_clocks_step(self, of_stock: float, of_reservation: float) -> None:
        self.clock += timedelta(seconds=of_stock)
        self.reservations_clock += timedelta(seconds=of_reservation)

    @invariant()
    def the_stock_is_the_sum_of_its_ledger(self) -> None:
        assert self.bike.stock_quantity == sum(entry.delta for entry in self.ledger)

    @invariant()
    def no_more_units_are_held_than_there_are(self) -> None:
        states = [allocation.state for allocation in self.allocations.values()]
        assert 0 <= self.bike.held_quantity <= self.bike.stock_quantity
        assert self.bike.held_quantity == states.count(State.HELD)

    @invariant()
    def every_claim_is_answered(self) -> None:
        for allocation in self.allocations.values():
            assert (allocation.state is State.UNSEEN) != allocation.registered
            shown = [StockStatus.WAITING, *self._shown(allocation)]
            assert shown[-1] is SHOWN_AS[allocation.state]

    @invariant()
    def the_catalogue_copy_is_right_in_any_order(self) -> None:
        for events in (self.published, [*reversed(self.published)]):
            copy = _copy(events)
            assert (copy.free, copy.free_seq) == (self.bike.free, self.bike.free_seq)
            assert (copy.price, copy.on_sale) == (self.bike.price, not self.bike.withdrawn)

    @invariant()
    def the_time_of_the_withdrawal_is_kept_while_it_lasts(self) -> None:
        assert (self.bike.withdrawn_at is not None) == self.bike.withdrawn

    def _assert_short_rightly(self, claim: Allocation) -> None:
        if self.bike.free > 0:
            assert self.bike.withdrawn_at is not None
            assert claim.reserved_at is not None
            assert claim.reserved_at >= self.bike.withdrawn_at + CLOCK_DIFFERENCE

    def _shown(self, allocation: Allocation) -> list[StockStatus]:
        answers = [event for event in self.published if isinstance(event, AllocationEvent)]
        own = (event for event in answers if event.reservation_id == allocation.reservation_id)
        return [event.stock_status for event in own]

    def _edit(self, after: Bike) -> None:
        before, self.bike = self.bike, after
        if after != before:
            self._write(domain.staff_movements(before, after), [domain.bike_event(before, after)])

    def _write(self, movements: Sequence[Movement], events: Sequence[StockEvent]) -> None:
        self.ledger += movements
        self.published += events


def _reachable(state: State) -> set[State]:
    """Return all later states: one message may lead through several, if others came before it."""
    return {state}.union(*(_reachable(to) for to in NEXT_STATES.get(state, ())))


def _copy(events: Sequence[StockEvent]) -> Copy:
    copy = Copy(bike_id=BIKE_ID)
    for event in events:
        if isinstance(event, BikeEvent):
            copy = reservation.with_catalogue(copy, event)
        else:
            copy = reservation.with_free(copy, event)
    return copy


TestBike = BikeUnits.TestCase
TestBike.settings = settings(max_examples=100, stateful_step_count=40)
