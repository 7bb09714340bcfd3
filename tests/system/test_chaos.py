"""Two buyers buy 200 bikes in all the ways there are while everything is killed in turn."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from tests.system import books
from tests.system.patience import PATIENCE_SECONDS, Order, order
from tests.system.shop import SERVICES, Shop
from tests.system.visit import Person, Visit, visiting

from roadbike.contracts.statuses import DeliveryStatus, PaymentStatus, ReservationStatus
from roadbike.local import control
from roadbike.local.trouble import Trouble
from roadbike.ops.people import until
from roadbike.payment.providers.simulated import Behaviour

SEED: Final = int(os.environ.get("CHAOS_SEED") or random.randrange(10**6))
PURCHASES: Final = 200
VICTIMS: Final = (*SERVICES, "nats")
ROUNDS: Final = 3  # each of them is killed so often
EVERY_SECONDS: Final = 2.0
SETTLED_SECONDS: Final = 60.0


@dataclass
class Told:
    """What the shop promised about one purchase; `statuses` those that must be seen in the end."""

    order: Order
    way: str
    wanted: dict[str, object] = field(default_factory=dict)


@dataclass
class People:
    buyers: Sequence[Person]
    admin: Person
    bike_id: int
    dice: random.Random
    told: list[Told] = field(default_factory=list)

    async def buy(self, way: "Way", after: float) -> None:
        """`after`: they do not all come at once (seconds)."""
        buyer = self.dice.choice(self.buyers)
        headers = {"X_Simulate": self.dice.choice(list(Behaviour))} if self._is_odd() else {}
        await asyncio.sleep(after)
        told = Told(await order(buyer, self.bike_id), way.__name__)
        self.told.append(told)
        told.wanted = await way(told.order, self.admin, headers)

    def _is_odd(self) -> bool:
        return self.dice.random() < 0.4


Wanted = dict[str, object]
Way = Callable[[Order, Person, dict[str, str]], Awaitable[Wanted]]

RESERVED: Final[Wanted] = {"reserveStatus": ReservationStatus.RESERVED}
CANCELLED: Final[Wanted] = {
    "reserveStatus": ReservationStatus.CANCELLED,
    "payStatus": PaymentStatus.CANCELLED,
}


async def think_it_over(_: Order, _admin: Person, _headers: dict[str, str]) -> Wanted:
    return RESERVED | {"payStatus": PaymentStatus.DUE}


async def change_ones_mind(order: Order, _: Person, _headers: dict[str, str]) -> Wanted:
    return _cancelled(await order.cancel())


async def pay(order: Order, _: Person, headers: dict[str, str]) -> Wanted:
    return RESERVED | {"payStatus": await order.pay(**headers)}


async def pay_and_cancel(order: Order, _: Person, headers: dict[str, str]) -> Wanted:
    await order.pay(**headers)
    return _cancelled(await order.cancel())


async def pay_while_cancelling(order: Order, _: Person, headers: dict[str, str]) -> Wanted:
    _, cancelled = await asyncio.gather(order.pay(**headers), order.cancel())
    return _cancelled(cancelled)


async def receive(order: Order, admin: Person, _: dict[str, str]) -> Wanted:
    await _pay_surely(order)
    await order.deliver(admin, DeliveryStatus.STARTED, DeliveryStatus.COMPLETED)
    return RESERVED | {"deliveryStatus": DeliveryStatus.COMPLETED}


async def send_back(order: Order, admin: Person, _: dict[str, str]) -> Wanted:
    await _pay_surely(order)
    steps = (DeliveryStatus.STARTED, DeliveryStatus.RECALLING, DeliveryStatus.RETURNED)
    await order.deliver(admin, *steps)
    return CANCELLED | {"deliveryStatus": DeliveryStatus.RETURNED}


async def cancel_what_has_left(order: Order, admin: Person, _: dict[str, str]) -> Wanted:
    """Refused, unless the cancel was quicker than the news that the parcel has left."""
    await _pay_surely(order)
    await order.deliver(admin, DeliveryStatus.STARTED)
    answer = await order.cancel()
    if answer.status == 409:
        assert answer.body["type"] == "/problems/already-shipped"
        return RESERVED | {"deliveryStatus": DeliveryStatus.STARTED}
    return _cancelled(answer) | {"deliveryStatus": DeliveryStatus.RECALLING}


WAYS: Final[Sequence[Way]] = (
    think_it_over,
    change_ones_mind,
    pay,
    pay_and_cancel,
    pay_while_cancelling,
    receive,
    send_back,
    cancel_what_has_left,
)


async def test_nothing_is_lost_or_done_twice_whatever_is_killed(new_shop: Shop) -> None:
    print(f"CHAOS_SEED={SEED}")
    assert new_shop.up().code == 0
    async with visiting(new_shop) as visit:
        bike_id = await visit.bike(units=PURCHASES)
        buyers = [await logged_in(visit, name) for name in ("buyer", "buyer2")]
        people = People(buyers, visit.admin, bike_id, random.Random(SEED))

        killed = await shop_while_killing(people, new_shop)

        await all_ready(new_shop)
        await visit.settle(SETTLED_SECONDS)
        after = await books.read(new_shop)
        print(killed, Counter(told.way for told in people.told))
        assert after.faults() == []
        promised = {told.order.reserve_id for told in people.told}
        assert len(promised) == PURCHASES
        assert after.registered(buyer.name for buyer in buyers) == promised
        assert await differing(people) == []
        assert left(after) == {told.order.reserve_id for told in people.told if has_left(told)}


async def shop_while_killing(people: People, shop: Shop) -> Counter[str]:
    """How often each part was really killed."""
    killed: Counter[str] = Counter()
    victims = VICTIMS * ROUNDS
    shares = [PURCHASES * number // len(victims) for number in range(len(victims) + 1)]
    async with asyncio.TaskGroup() as group:
        for victim, start, end in zip(victims, shares, shares[1:], strict=False):
            for number in range(start, end):
                way = WAYS[number % len(WAYS)]
                after = people.dice.uniform(0, EVERY_SECONDS)
                group.create_task(people.buy(way, after))
            await asyncio.sleep(EVERY_SECONDS)
            with suppress(Trouble):  # it is not back yet from the last time
                await asyncio.to_thread(control.ask, shop.home, "kill", victim)
                killed[victim] += 1
    return killed


async def all_ready(shop: Shop) -> None:
    async def look() -> set[str]:
        views = await asyncio.to_thread(control.views, shop.home)
        return {view.name for view in views if view.state != "ready"}

    await until(look, lambda away: not away, "all parts are ready", PATIENCE_SECONDS)


async def logged_in(visit: Visit, name: str) -> Person:
    login = {"userId": name, "password": visit.shop.listing["logins"][name]}
    answer = await visit.nobody.ask("POST", "/accounts/tokens", login)
    assert answer.status == 200, answer
    return Person(visit, name, answer.body["access_token"])


async def differing(people: People) -> list[Any]:
    """The purchases that my page does not show as the shop promised."""
    pages = {
        page["reserveId"]: page for buyer in people.buyers for page in await buyer.all("/myPages")
    }
    return [
        (told, page)
        for told in people.told
        for page in [pages.get(told.order.reserve_id, {})]
        if any(page.get(name) != value for name, value in told.wanted.items())
    ]


def left(after: books.Books) -> set[str]:
    """Those whose unit left the shop for good, as the ledger has it."""
    return {
        reserve_id
        for reserve_id, purchase in after.purchases.items()
        if sum(purchase.moved.values()) == -1
    }


def has_left(told: Told) -> bool:
    return told.way in {receive.__name__, cancel_what_has_left.__name__}


def _cancelled(answer: Any) -> Wanted:
    assert answer.status == 200, answer
    assert answer.body["reserveStatus"] == ReservationStatus.CANCELLED
    return CANCELLED


async def _pay_surely(order: Order) -> None:
    while await order.pay() != PaymentStatus.PAID:
        pass  # payment was killed before it had asked the provider: it is due again
