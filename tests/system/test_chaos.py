"""Two buyers make 140 purchases of all kinds while each service and the broker are killed."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from roadbike.local.errors import CommandError
from roadbike.local.supervisor import control
from roadbike.payment.providers.simulated import Behaviour
from tests.system import audit
from tests.system.real_shop import SERVICES, Shop
from tests.system.retrying import Order, order
from tests.system.scenarios import BIKE_STAYS_OUTSIDE, SCENARIOS, ExpectedPage, Headers, Scenario
from tests.system.shop_client import Person, ShopClient, open_client, until_all_ready

SEED: Final = os.environ.get("CHAOS_SEED") or str(random.randrange(10**6))  # noqa: S311  no secret
PURCHASES: Final = 140
VICTIMS: Final = (*SERVICES, "nats") * 2  # five minutes of it: test_long_chaos.py
EVERY_SECONDS: Final = 2.0
SETTLE_SECONDS: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """after: seconds before the purchase starts."""

    buyer: Person
    scenario: Scenario
    headers: Headers
    after: float


@dataclass(frozen=True, kw_only=True)
class Done:
    """A purchase, and what my page must show of it."""

    plan: Plan
    order: Order
    expected: ExpectedPage


async def test_nothing_is_lost_or_done_twice_while_services_are_killed(new_shop: Shop) -> None:
    print(f"CHAOS_SEED={SEED}")  # noqa: T201
    assert new_shop.up().code == 0
    async with open_client(new_shop) as client:
        bike_id = await client.bike(units=PURCHASES)
        buyers = [await logged_in(client, name) for name in ("buyer", "buyer2")]

        done, killed = await buy_while_killing(client, bike_id, plans(buyers))

        print(killed, Counter(scenario_of(one) for one in done))  # noqa: T201
        assert set(killed) == set(VICTIMS)
        await until_all_ready(new_shop)
        await client.settle(SETTLE_SECONDS)
        assert not any([(await client.status(name))["dead"] for name in SERVICES])
        after = await audit.read(new_shop)
        assert after.faults() == []
        assert len({one.order.reserve_id for one in done}) == PURCHASES
        assert after.registered(buyer.name for buyer in buyers) == {
            one.order.reserve_id for one in done
        }
        assert await wrong_pages(done) == []
        assert after.shipped() == {
            one.order.reserve_id for one in done if one.plan.scenario in BIKE_STAYS_OUTSIDE
        }


def plans(buyers: Sequence[Person]) -> list[Plan]:
    rng = random.Random(SEED)  # noqa: S311  no secret
    scenarios = [SCENARIOS[number % len(SCENARIOS)] for number in range(PURCHASES)]
    rng.shuffle(scenarios)
    simulations = [{"X_Simulate": behaviour} for behaviour in Behaviour]
    return [
        Plan(
            buyer=rng.choice(buyers),
            scenario=scenario,
            headers=rng.choice([{}, *simulations]),
            after=rng.uniform(0, EVERY_SECONDS),
        )
        for scenario in scenarios
    ]


async def buy_while_killing(
    client: ShopClient, bike_id: int, wanted: Sequence[Plan]
) -> tuple[list[Done], Counter[str]]:
    """Return the purchases, and how often each part was actually killed."""
    killed: Counter[str] = Counter()
    shares = [PURCHASES * number // len(VICTIMS) for number in range(len(VICTIMS) + 1)]
    async with asyncio.TaskGroup() as group:
        buying: list[asyncio.Task[Done]] = []
        for victim, (first, end) in zip(VICTIMS, pairwise(shares), strict=True):
            buying += [
                group.create_task(buy(plan, bike_id, client.admin)) for plan in wanted[first:end]
            ]
            await asyncio.sleep(EVERY_SECONDS)
            with suppress(CommandError):  # it is still restarting since the last time
                await asyncio.to_thread(control.ask, client.shop.home, "kill", victim)
                killed[victim] += 1
    return [purchase.result() for purchase in buying], killed


async def buy(plan: Plan, bike_id: int, admin: Person) -> Done:
    await asyncio.sleep(plan.after)
    made = await order(plan.buyer, bike_id)
    return Done(plan=plan, order=made, expected=await plan.scenario(made, admin, plan.headers))


async def logged_in(client: ShopClient, name: str) -> Person:
    login = {"userId": name, "password": client.shop.shop_file["logins"][name]}
    response = await client.nobody.request("POST", "/accounts/tokens", login)
    assert response.status == 200, response
    return Person(client, name, response.body["access_token"])


async def wrong_pages(done: Sequence[Done]) -> list[Any]:
    """Return the purchases that my page does not show as expected."""
    buyers = {one.plan.buyer for one in done}
    pages = {page["reserveId"]: page for buyer in buyers for page in await buyer.all("/myPages")}
    return [
        (scenario_of(one), one.expected, page)
        for one in done
        for page in [pages.get(one.order.reserve_id, {})]
        if any(page.get(name) != value for name, value in one.expected.items())
    ]


def scenario_of(one: Done) -> str:
    return one.plan.scenario.__name__
