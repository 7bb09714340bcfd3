"""Two buyers buy 200 bikes in all the ways there are while everything is killed in turn."""

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
from tests.system.retrying import PATIENCE_SECONDS, Order, order
from tests.system.scenarios import LEAVES_THE_SHOP, WAYS, Headers, Promised, Way
from tests.system.shop_client import Person, ShopClient, open_client, until

SEED: Final = os.environ.get("CHAOS_SEED") or str(random.randrange(10**6))  # noqa: S311  no secret
PURCHASES: Final = 200
VICTIMS: Final = (*SERVICES, "nats") * 3
EVERY_SECONDS: Final = 2.0
SETTLED_SECONDS: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """`after`: seconds; they do not all come at once."""

    buyer: Person
    way: Way
    headers: Headers
    after: float


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the shop promised."""

    plan: Plan
    order: Order
    promised: Promised


async def test_nothing_is_lost_or_done_twice_whatever_is_killed(new_shop: Shop) -> None:
    print(f"CHAOS_SEED={SEED}")  # noqa: T201
    assert new_shop.up().code == 0
    async with open_client(new_shop) as client:
        bike_id = await client.bike(units=PURCHASES)
        buyers = [await logged_in(client, name) for name in ("buyer", "buyer2")]

        told, killed = await buy_while_killing(client, bike_id, plans(buyers))

        print(killed, Counter(named(one) for one in told))  # noqa: T201
        assert set(killed) == set(VICTIMS)
        await all_ready(new_shop)
        await client.settle(SETTLED_SECONDS)
        assert not any([(await client.status(name))["dead"] for name in SERVICES])
        after = await audit.read(new_shop)
        assert after.faults() == []
        assert len({one.order.reserve_id for one in told}) == PURCHASES
        assert after.registered(buyer.name for buyer in buyers) == {
            one.order.reserve_id for one in told
        }
        assert await broken_promises(told) == []
        assert after.left() == {
            one.order.reserve_id for one in told if one.plan.way in LEAVES_THE_SHOP
        }


def plans(buyers: Sequence[Person]) -> list[Plan]:
    dice = random.Random(SEED)  # noqa: S311  no secret
    ways = [WAYS[number % len(WAYS)] for number in range(PURCHASES)]
    dice.shuffle(ways)
    oddities = [{"X_Simulate": behaviour} for behaviour in Behaviour]
    return [
        Plan(
            buyer=dice.choice(buyers),
            way=way,
            headers=dice.choice([{}, *oddities]),
            after=dice.uniform(0, EVERY_SECONDS),
        )
        for way in ways
    ]


async def buy_while_killing(
    client: ShopClient, bike_id: int, wanted: Sequence[Plan]
) -> tuple[list[Told], Counter[str]]:
    """What the shop promised, and how often each part was really killed."""
    killed: Counter[str] = Counter()
    shares = [PURCHASES * number // len(VICTIMS) for number in range(len(VICTIMS) + 1)]
    async with asyncio.TaskGroup() as group:
        buying: list[asyncio.Task[Told]] = []
        for victim, (first, end) in zip(VICTIMS, pairwise(shares), strict=True):
            buying += [
                group.create_task(buy(plan, bike_id, client.admin)) for plan in wanted[first:end]
            ]
            await asyncio.sleep(EVERY_SECONDS)
            with suppress(CommandError):  # it is not back yet from the last time
                await asyncio.to_thread(control.ask, client.shop.home, "kill", victim)
                killed[victim] += 1
    return [purchase.result() for purchase in buying], killed


async def buy(plan: Plan, bike_id: int, admin: Person) -> Told:
    await asyncio.sleep(plan.after)
    made = await order(plan.buyer, bike_id)
    return Told(plan=plan, order=made, promised=await plan.way(made, admin, plan.headers))


async def all_ready(shop: Shop) -> None:
    async def look() -> set[str]:
        views = await asyncio.to_thread(control.views, shop.home)
        return {view.name for view in views if view.state != "ready"}

    await until(look, lambda away: not away, "all parts are ready", PATIENCE_SECONDS)


async def logged_in(client: ShopClient, name: str) -> Person:
    login = {"userId": name, "password": client.shop.shop_file["logins"][name]}
    answer = await client.nobody.ask("POST", "/accounts/tokens", login)
    assert answer.status == 200, answer
    return Person(client, name, answer.body["access_token"])


async def broken_promises(told: Sequence[Told]) -> list[Any]:
    """The purchases that my page does not show as the shop result."""
    buyers = {one.plan.buyer for one in told}
    pages = {page["reserveId"]: page for buyer in buyers for page in await buyer.all("/myPages")}
    return [
        (named(one), one.promised, page)
        for one in told
        for page in [pages.get(one.order.reserve_id, {})]
        if any(page.get(name) != value for name, value in one.promised.items())
    ]


def named(one: Told) -> str:
    return one.plan.way.__name__
