"""In every order of the facts, repeated or not, the allocation ends in the right state."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from roadbike.contracts.events import StockAllocated, StockChanged, StockReleased, StockShort
from roadbike.stock import domain
from roadbike.stock.domain import Allocation, Bike, Movement, State

FACTS = ("registered", "cancelled", "closed", "started", "returned")
ANSWERS = (StockAllocated, StockShort, StockReleased)


@dataclass
class Shop:
    """One bike, its ledger and events, and the allocations of its purchases."""

    bike: Bike
    allocations: dict[int, Allocation] = field(default_factory=dict)
    movements: list[Movement] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)

    @classmethod
    def with_units(cls, units: int) -> "Shop":
        return cls(Bike(bike_id=1, bike_name="TREK Emonda", price=1, stock_quantity=units))

    def note(self, buyer: int, fact: str) -> None:
        known = self.allocations.get(buyer)
        known = known or Allocation(reservation_id=UUID(int=buyer), bike_id=1)
        facts: dict[str, Any] = {fact: True}
        before = self.bike
        decision = domain.decide(replace(known, **facts), self.bike)
        self.allocations[buyer], self.bike = decision.allocation, decision.bike
        self.movements += decision.movements
        self.events += decision.events
        self._check(before, decision)

    def _check(self, before: Bike, decision: domain.Decision) -> None:
        """Check what holds after every fact (S1, S2), and the counters."""
        bike, states = self.bike, [a.state for a in self.allocations.values()]
        assert 0 <= bike.held_quantity <= bike.stock_quantity
        assert bike.held_quantity == states.count(State.HELD)
        assert bike.free == before.free or bike.free_seq > before.free_seq
        changes = [event for event in decision.events if isinstance(event, StockChanged)]
        assert bike.version - before.version == len(changes) == len(decision.movements)
        assert [event.bike_version for event in changes] == [
            *range(before.version + 1, bike.version + 1)
        ]

    def answers(self, buyer: int) -> list[type]:
        mine = [e for e in self.events if isinstance(e, ANSWERS) and e.key == str(UUID(int=buyer))]
        return [type(event) for event in mine]


def orders(*facts: str, twice: bool = True) -> st.SearchStrategy[Sequence[str]]:
    return st.permutations([*facts, *facts] if twice else facts)


@given(orders("registered", "cancelled", "closed"))
def test_a_cancelled_purchase_ends_released_and_its_unit_free(order: Sequence[str]) -> None:
    shop = Shop.with_units(1)

    for fact in order:
        shop.note(1, fact)

    assert shop.allocations[1].state is State.RELEASED
    assert shop.bike.free == 1
    assert shop.answers(1) in ([StockReleased], [StockAllocated, StockReleased])


@given(orders("registered", "cancelled", "started", "returned"))
def test_a_bike_that_left_and_came_back_is_on_sale_again(later: Sequence[str]) -> None:
    shop = Shop.with_units(1)
    shop.note(1, "registered")  # nothing leaves before it was allocated

    for fact in later:
        shop.note(1, fact)

    assert shop.allocations[1].state is State.RETURNED
    assert (shop.bike.free, shop.bike.stock_quantity) == (1, 1)
    assert sorted(movement.delta for movement in shop.movements) == [-1, 1]
    assert shop.answers(1) == [StockAllocated, StockReleased]


@given(orders("registered", "cancelled", "started"))
def test_a_bike_that_left_is_not_freed_by_a_cancel(later: Sequence[str]) -> None:
    shop = Shop.with_units(1)
    shop.note(1, "registered")

    for fact in later:
        shop.note(1, fact)

    assert shop.allocations[1].state is State.SHIPPED
    assert (shop.bike.free, shop.bike.stock_quantity) == (0, 0)
    assert shop.answers(1) == [StockAllocated]


@given(orders("registered", "cancelled", "closed"))
def test_a_purchase_of_a_sold_out_bike_stays_short(order: Sequence[str]) -> None:
    shop = Shop.with_units(0)

    for fact in order:
        shop.note(1, fact)

    assert len(shop.answers(1)) == 1
    assert shop.allocations[1].state in {State.SHORT, State.RELEASED}
    assert shop.bike.version == 1


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from(FACTS)), max_size=40))
def test_every_history_keeps_the_counts_right(history: Sequence[tuple[int, str]]) -> None:
    shop = Shop.with_units(2)

    for buyer, fact in history:
        shop.note(buyer, fact)  # which checks what always holds

    assert shop.bike.stock_quantity == 2 + sum(movement.delta for movement in shop.movements)
    for buyer, known in shop.allocations.items():
        assert bool(shop.answers(buyer)) == known.registered
    frees = [event.free_seq for event in shop.events if isinstance(event, ANSWERS)]
    assert frees == sorted(frees)


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from(FACTS)), max_size=40))
def test_facts_that_were_known_before_change_nothing(history: Sequence[tuple[int, str]]) -> None:
    shop = Shop.with_units(2)
    for buyer, fact in history:
        shop.note(buyer, fact)
    before = (shop.bike, dict(shop.allocations), len(shop.events), len(shop.movements))

    for buyer, fact in history:
        shop.note(buyer, fact)

    after = (shop.bike, dict(shop.allocations), len(shop.events), len(shop.movements))
    assert after == before
