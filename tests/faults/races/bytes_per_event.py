"""Races 4: 100 purchases are made and paid in a shop; measured are the bytes that each topic keeps
of one purchase; the fault is a topic that gets full, at any rate of purchases, between two looks of
its relay at its size: the room left when it counts as nearly full is less than what is sent then.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from roadbike.kit.messaging.broker.nats.api import NEARLY_FULL
from roadbike.kit.messaging.broker_log import TRIM_BYTES
from tests.faults.forgery import broker_user, call
from tests.faults.outcome import CannotTry, Outcome, run, say
from tests.faults.people import Person, admin, buyer, ok, open_shop, until
from tests.system import audit
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


@dataclass(frozen=True)
class Sent:
    """How many events were sent to a topic, and its size and the limit of it in bytes."""

    events: int
    size: int
    limit: int


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    with open_shop() as shop:
        number = bike(shop)
        before = {topic: asyncio.run(sent(shop, topic)) for topic in TOPICS}
        customer = buyer(shop)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda _: purchase(customer, number), range(PURCHASES)))
        until(lambda: prepared(shop, before), 60, "every purchase has a parcel", pause=0.5)
        shares = {topic: asyncio.run(share(shop, topic, before[topic])) for topic in TOPICS}
    fullest = max(shares, key=lambda topic: shares[topic])
    text = f"between two looks at topic {fullest}, up to {shares[fullest]:.0%} of its room is used"
    return Outcome(shares[fullest] > 1, text)


def bike(shop: Shop) -> int:
    number: int = ok(admin(shop).ask("POST", "/stocks", BIKE), 201).body["bikeId"]
    customer = buyer(shop, "first")
    until(lambda: customer.reserve(number).status == 201, 20, "the bike is on sale", pause=0.5)
    return number


def purchase(customer: Person, number: int) -> None:
    body = CUSTOMER | {"bikeId": number}

    def reserved() -> Any:
        answer = customer.ask("POST", "/reservations", body)
        return answer if answer.status == 201 else None

    reserve_id = until(reserved, 20, "a reservation is made", pause=0.5).body["reserveId"]
    paid = customer.pay(customer.payment_of(reserve_id)["payId"])
    if paid.status != 202:
        ok(paid, 200)


def prepared(shop: Shop, before: dict[str, Sent]) -> bool:
    return asyncio.run(sent(shop, "delivery")).events - before["delivery"].events >= PURCHASES


async def share(shop: Shop, topic: str, before: Sent) -> float:
    """Return what is sent between two looks, as a share of the room left in a nearly full topic."""
    now = await sent(shop, topic)
    grown, count = now.size - before.size, now.events - before.events
    if not grown:
        raise CannotTry(f"topic {topic} has not grown")
    limit = now.limit
    seconds = limit / (grown / PURCHASES) / PROMISED
    between = TRIM_BYTES / await bytes_of_data(shop, topic) * grown / count
    say(
        f"{topic}: {count} events, {grown / count:.0f} bytes each, {grown / PURCHASES:.0f} of a "
        f"purchase; full after {seconds:.0f} s at {PROMISED}/s; "
        f"{between / 1e6:.0f} MB between two looks"
    )
    return between / ((1 - NEARLY_FULL) * limit)


async def bytes_of_data(shop: Shop, topic: str) -> float:
    """Return the mean size of the events, without their envelope, which the relay counts."""
    return float(await of_outbox(shop, topic, "avg(length(data))"))


async def sent(shop: Shop, topic: str) -> Sent:
    """Return what was sent to a topic; a message of the stream can hold several events."""
    events = await of_outbox(shop, topic, "count(sent_at)")
    async with broker_user(shop, "reservation") as client:
        stream = await call(client, f"STREAM.INFO.bike-{topic}")
    return Sent(int(events), stream["state"]["bytes"], stream["config"]["max_bytes"])


async def of_outbox(shop: Shop, topic: str, what: str) -> Any:
    query = f"SELECT {what} AS found FROM outbox"  # noqa: S608 ours
    if topic == "delivery":
        (row,) = audit.file_rows_of(shop, "delivery/delivery.db", query)
    else:
        (row,) = await audit.rows_of(shop, topic, query)
    return row["found"]


if __name__ == "__main__":
    raise SystemExit(main())
