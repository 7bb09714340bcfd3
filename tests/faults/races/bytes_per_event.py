"""Races 4: 100 purchases are made and paid in a shop; measured are the bytes that each topic keeps
of one purchase; the fault is a topic that is full, at 2,000 purchases a second, sooner than the
time for which the relay lets the broker keep every event.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Final

from roadbike.kit.messaging.relay import BROKER_RETENTION
from tests.faults.forgery import broker_user, call
from tests.faults.outcome import CannotTry, Outcome, run, say
from tests.faults.people import Person, admin, buyer, ok, open_shop, until
from tests.system.real_shop import Shop

PURCHASES: Final = 100
AT_ONCE: Final = 8
PROMISED: Final = 2_000  # purchases a second
TOPICS: Final = ("stock", "reservation", "payment", "delivery")
BIKE: Final = {
    "bikeNm": "TREK Emonda SL 6 Pro",
    "price": 5_100_000,
    "stockQty": 1_000_000,
    "brand": "TREK",
    "frameSize": "54",
    "colour": "검정",
}
CUSTOMER: Final = {
    "userNm": "홍길동",
    "zipCd": "13529",
    "addrNm": "경기도 성남시 분당구 야탑로 81번길 10",
}


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    with open_shop() as shop:
        number = bike(shop)
        before = {topic: asyncio.run(stream(shop, topic)) for topic in TOPICS}
        customer = buyer(shop)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda _: purchase(customer, number), range(PURCHASES)))
        until(lambda: prepared(shop, before), 30, "every purchase has a parcel", pause=0.5)
        lasts = {topic: lasting(shop, topic, before[topic]) for topic in TOPICS}
    soonest = min(lasts, key=lambda topic: lasts[topic])
    text = f"topic {soonest} is full after {lasts[soonest]}, kept are {BROKER_RETENTION}"
    return Outcome(lasts[soonest] < BROKER_RETENTION, text)


def bike(shop: Shop) -> int:
    number: int = ok(admin(shop).ask("POST", "/stocks", BIKE), 201).body["bikeId"]
    customer = buyer(shop, "first")
    until(lambda: customer.reserve(number).status == 201, 20, "the bike is on sale", pause=0.5)
    return number


def purchase(customer: Person, number: int) -> None:
    body = CUSTOMER | {"bikeId": number}
    reserve_id = ok(customer.ask("POST", "/reservations", body), 201).body["reserveId"]
    ok(customer.pay(customer.payment_of(reserve_id)["payId"]), 200)


def prepared(shop: Shop, before: dict[str, Any]) -> bool:
    now = asyncio.run(stream(shop, "delivery"))
    return bool(now["state"]["messages"] - before["delivery"]["state"]["messages"] >= PURCHASES)


def lasting(shop: Shop, topic: str, before: dict[str, Any]) -> timedelta:
    """Return how long the topic lasts at the promised rate."""
    now = asyncio.run(stream(shop, topic))
    grown = now["state"]["bytes"] - before["state"]["bytes"]
    count = now["state"]["messages"] - before["state"]["messages"]
    if not grown:
        raise CannotTry(f"topic {topic} has not grown")
    seconds = now["config"]["max_bytes"] / (grown / PURCHASES) / PROMISED
    say(f"{topic}: {count} events, {grown / count:.0f} bytes each; full after {seconds:.0f} s")
    return timedelta(seconds=round(seconds))


async def stream(shop: Shop, topic: str) -> dict[str, Any]:
    async with broker_user(shop, "reservation") as client:
        return await call(client, f"STREAM.INFO.bike-{topic}")


if __name__ == "__main__":
    raise SystemExit(main())
