"""One purchase, in every order of calls, messages and moves: it always ends right.

The services are the real ones with their policies, use cases and domains; only databases, broker
and HTTP are paper. Each of the rules it rests on is left out once, and something goes wrong.
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
from tests.model.payment import Habits
from tests.model.rules import RULES, Rule
from tests.model.search import Search
from tests.model.shop import Shop, a_shop
from tests.model.ways import START, Way
from tests.model.wrong import SHOWN, as_it_is, unit

SHOPS: Final[dict[str, Callable[[], Shop]]] = {
    "a unit is there": a_shop,
    "no unit is there": lambda: a_shop(units=0),
    "the same key again": lambda: a_shop(retries=True),
    "every letter may come again": lambda: a_shop(repeats=True),
    "declined, and paid again": lambda: a_shop(habits=Habits(tries=2)),
    "refunds at the provider": lambda: a_shop(habits=Habits(outside=True)),
    "refunds at the provider, no unit": lambda: a_shop(units=0, habits=Habits(outside=True)),
    "late money, slow answers": lambda: a_shop(habits=Habits(late=True, slow=True)),
    "all of that at once": lambda: a_shop(
        retries=True, repeats=True, habits=Habits(late=True, outside=True, slow=True)
    ),
    "a second success": lambda: a_shop(habits=Habits(late=True, tries=2), recalls=False),
}
WALKS: Final = 100


@pytest.fixture(scope="module", params=SHOPS)
def search(request: pytest.FixtureRequest) -> Search:
    return Search(SHOPS[request.param]()).run()


def test_no_order_ends_wrong(search: Search) -> None:
    print(f"{search.states} states, {len(search.at_rest)} of them at rest")  # noqa: T201 with -s

    assert search.traces() == {}


def test_my_page_shows_what_is_so_however_it_hears_of_it(search: Search) -> None:
    for way in [*_shortest(search), *_walks(search)]:
        events = _versioned(way)
        row = mypage.project(events)
        world = search.ways.world(way[-1].to)
        assert tuple(getattr(row, name) for name in SHOWN) == as_it_is(world)
        for others in _shuffled(events):
            assert mypage.project(others) == row


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_without_this_rule_something_goes_wrong(rule: Rule) -> None:
    search = Search(rule.without()).run(until=rule.wrong)

    assert rule.wrong in search.wrong
    print(" > ".join(search.traces()[rule.wrong]))  # noqa: T201 with -s


def test_every_status_there_is_comes_up() -> None:
    worlds = [world for units in (0, 1) for world in Search(a_shop(units=units)).run().worlds()]

    reached = {world.reservation.reservation.reservation_status for world in worlds}
    assert reached == set(ReservationStatus)
    assert {world.payment.payment.payment_status for world in worlds} == {None, *PaymentStatus}
    assert {world.delivery.status for world in worlds} == {None, *DeliveryStatus}
    assert {unit(world) for world in worlds} == set(UnitState)


def _shortest(search: Search) -> Iterator[list[Way]]:
    return (search.way_to(state) for state in search.at_rest)


def _walks(search: Search) -> Iterator[list[Way]]:
    """On and on by chance, until nothing more can happen."""
    by_chance = Random(1)  # noqa: S311 the same walks every time
    for _ in range(WALKS):
        walk = [by_chance.choice([*search.ways.of(START)])]
        while on := [*search.ways.of(walk[-1].to)]:
            walk.append(by_chance.choice(on))
        yield walk


def _versioned(way: Sequence[Way]) -> list[AnyPurchaseEvent]:
    """What was told of the purchase on the way, its versions counted as `tell` does."""
    counts: Counter[str] = Counter()
    events = []
    for event in (event for step in way for event in step.told):
        if isinstance(event, get_args(AnyPurchaseEvent)):
            counts[event.kind] += 1
            events.append(cast("AnyPurchaseEvent", event.with_version(counts[event.kind])))
    return events


def _shuffled(events: Sequence[AnyPurchaseEvent]) -> Iterator[list[AnyPurchaseEvent]]:
    by_chance = Random(len(events))  # noqa: S311 the same orders every time
    yield [*reversed(events)]
    for _ in range(5):
        yield by_chance.sample([*events, *events], 2 * len(events))
