"""One purchase, in every order of calls, messages and actions, always ends in a valid state.

The services are the real ones with their policies, use cases and domains; only databases, broker
and HTTP are replaced. Each rule that this depends on is left out once, and a violation follows.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Final, cast, get_args

import pytest

from roadbike.contracts.events import AnyPurchaseEvent
from roadbike.contracts.statuses import DeliveryStatus, PaymentStatus, ReservationStatus
from roadbike.mypage import domain as mypage
from roadbike.stock.domain import State as UnitState
from tests.model.invariants import SHOWN, actual_statuses, unit
from tests.model.necessary_rules import RULES, Rule
from tests.model.payment_model import Surroundings
from tests.model.shop_model import ShopModel, shop_model
from tests.model.state_space import StateSpace
from tests.model.transitions import START, Transition

SHOPS: Final[dict[str, Callable[[], ShopModel]]] = {
    "a unit is there": shop_model,
    "no unit is there": lambda: shop_model(units=0),
    "the bike is withdrawn": lambda: shop_model(withdraws=True),
    "stock falls behind": lambda: shop_model(falls_behind=True),
    "stock falls behind, no unit": lambda: shop_model(units=0, falls_behind=True),
    "the same key again": lambda: shop_model(retries=True),
    "every message may be redelivered": lambda: shop_model(redelivers=True),
    "declined, and paid again": lambda: shop_model(surroundings=Surroundings(tries=2)),
    "refunds at the provider": lambda: shop_model(surroundings=Surroundings(outside_refunds=True)),
    "refunds at the provider, no unit": lambda: shop_model(
        units=0, surroundings=Surroundings(outside_refunds=True)
    ),
    "late captures, late answers": lambda: shop_model(
        surroundings=Surroundings(late_captures=True, late_answers=True)
    ),
    "all of these together": lambda: shop_model(
        retries=True,
        redelivers=True,
        surroundings=Surroundings(late_captures=True, outside_refunds=True, late_answers=True),
    ),
    "a second capture": lambda: shop_model(
        surroundings=Surroundings(late_captures=True, tries=2), recalls=False
    ),
}
RANDOM_PATHS: Final = 100


@pytest.fixture(scope="module", params=SHOPS)
def space(request: pytest.FixtureRequest) -> StateSpace:
    return StateSpace(SHOPS[request.param]()).explore()


def test_no_order_leads_to_a_violation(space: StateSpace) -> None:
    print(f"{space.size} states, {len(space.settled)} of them settled")  # noqa: T201 with -s

    assert space.traces() == {}


def test_my_page_shows_the_actual_statuses_in_any_order_of_events(space: StateSpace) -> None:
    for path in [*_shortest_paths(space), *_random_paths(space)]:
        events = _versioned(path)
        row = mypage.project(events)
        shop = space.transitions.shop_state(path[-1].to)
        assert tuple(getattr(row, name) for name in SHOWN) == actual_statuses(shop)
        for others in _shuffled(events):
            assert mypage.project(others) == row


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_without_this_rule_there_is_a_violation(rule: Rule) -> None:
    space = StateSpace(rule.without()).explore(until=rule.violation)

    assert rule.violation in space.violations
    print(" > ".join(space.traces()[rule.violation]))  # noqa: T201 with -s


def test_every_status_is_reached() -> None:
    shops = [
        shop
        for units in (0, 1)
        for shop in StateSpace(shop_model(units=units)).explore().shop_states()
    ]

    reached = {shop.reservation.reservation.reservation_status for shop in shops}
    assert reached == set(ReservationStatus)
    assert {shop.payment.payment.payment_status for shop in shops} == {None, *PaymentStatus}
    assert {shop.delivery.status for shop in shops} == {None, *DeliveryStatus}
    assert {unit(shop) for shop in shops} == set(UnitState)


def _shortest_paths(space: StateSpace) -> Iterator[list[Transition]]:
    return (space.path_to(state) for state in space.settled)


def _random_paths(space: StateSpace) -> Iterator[list[Transition]]:
    """Return paths of random transitions, each until nothing more can happen."""
    random = Random(1)  # noqa: S311 the same paths every time
    for _ in range(RANDOM_PATHS):
        path = [random.choice([*space.transitions.of(START)])]
        while possible := [*space.transitions.of(path[-1].to)]:
            path.append(random.choice(possible))
        yield path


def _versioned(path: Sequence[Transition]) -> list[AnyPurchaseEvent]:
    """Return the purchase's events that were published on the path, with their versions."""
    counts: Counter[str] = Counter()
    events = []
    for event in (event for transition in path for event in transition.published):
        if isinstance(event, get_args(AnyPurchaseEvent)):
            counts[event.kind] += 1
            events.append(cast("AnyPurchaseEvent", event.with_version(counts[event.kind])))
    return events


def _shuffled(events: Sequence[AnyPurchaseEvent]) -> Iterator[list[AnyPurchaseEvent]]:
    random = Random(len(events))  # noqa: S311 the same orders every time
    yield [*reversed(events)]
    for _ in range(5):
        yield random.sample([*events, *events], 2 * len(events))
