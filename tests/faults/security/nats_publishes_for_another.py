"""A5: the broker's users of stock and account change their stream's configuration and create a
consumer on a foreign stream; measured is what NATS accepts and where messages go; the fault is a
message of stock in payment's stream, a foreign inbox read, or a consumer that holds back a
foreign topic.
"""

import asyncio
import time
from typing import Any, Final

from nats.aio.client import Client

from tests.faults.forgery import broker_user, call, forge, last_position, stored
from tests.faults.outcome import CannotTry, Outcome, run, say
from tests.faults.people import buyer, new_bike, open_shop
from tests.system.real_shop import Shop

STREAM: Final = "bike-stock"
INBOX: Final = "_INBOX_mypage"
LOOKED_BACK: Final = 60  # messages


def main() -> int:
    return run(provoke)


async def provoke() -> Outcome:
    ways: list[str] = []
    with open_shop() as shop:
        number = await asyncio.to_thread(new_bike, shop, 5)
        async with broker_user(shop, "stock") as stock, broker_user(shop, "set-up") as reader:
            if await republished(stock, reader):
                ways.append("stock writes into bike-payment")
            if await listened(shop, stock, number):
                ways.append("stock reads mypage's inbox")
        async with broker_user(shop, "account") as account:
            if await held_back(account):
                ways.append("account holds back the trimming of bike-stock")
    return Outcome(bool(ways), "; ".join(ways) or "NATS refused all three")


async def republished(stock: Client, reader: Client) -> bool:
    """Update the own stream with `republish` to a subject of payment, and publish."""
    config = await own_config(stock)
    target = {"src": "bike.stock.evil", "dest": "bike.payment.evil"}
    answer = await call(stock, f"STREAM.UPDATE.{STREAM}", config | {"republish": target})
    before = await last_position(reader, "bike-payment")
    await forge(stock, "bike.stock.evil", type="bike.Nothing.v1", source="payment", data={})
    await asyncio.sleep(0.5)  # JetStream stores the copy a little later
    after = await last_position(reader, "bike-payment")
    say(f"a republish: {refusal(answer)}; bike-payment ends at {before}, then at {after}")
    await call(stock, f"STREAM.UPDATE.{STREAM}", config)
    return after > before


async def listened(shop: Shop, stock: Client, number: int) -> bool:
    """Update the own stream with mypage's inbox as a subject, and read what arrives there."""
    config = await own_config(stock)
    subjects = {"subjects": ["bike.stock.>", f"{INBOX}.>"]}
    answer = await call(stock, f"STREAM.UPDATE.{STREAM}", config | subjects)
    customer = buyer(shop)
    reserve_id = await asyncio.to_thread(customer.reserved, number)
    found: list[Any] = []
    end = time.monotonic() + 5
    while not found and time.monotonic() < end:
        await asyncio.sleep(0.5)
        last = await last_position(stock, STREAM)
        positions = range(max(1, last - LOOKED_BACK), last + 1)
        messages = [await stored(stock, STREAM, each) for each in positions]
        found = [one for one in messages if one.get("subject", "").startswith(INBOX)]
    page = await asyncio.to_thread(customer.ask, "GET", f"/myPages/{reserve_id}")
    await call(stock, f"STREAM.UPDATE.{STREAM}", config)
    say(f"b inbox: {refusal(answer)}; {len(found)} messages read; my page {page.status}")
    return bool(found)


async def held_back(account: Client) -> bool:
    """Create a consumer for account, which never acknowledges, on stock's stream."""
    config = {
        "name": "account",
        "durable_name": "account",
        "deliver_policy": "all",
        "ack_policy": "explicit",
    }
    body = {"stream_name": STREAM, "config": config}
    answer = await call(account, f"CONSUMER.CREATE.{STREAM}.account", body)
    info = await call(account, f"CONSUMER.INFO.{STREAM}.account")
    say(f"c consumer: {refusal(answer)}; it has acknowledged up to {info.get('ack_floor')}")
    return "error" not in answer


async def own_config(stock: Client) -> dict[str, Any]:
    answer = await call(stock, f"STREAM.INFO.{STREAM}")
    if "config" not in answer:
        raise CannotTry(f"stock cannot read its own stream: {answer}")
    return {name: value for name, value in answer["config"].items() if name != "republish"}


def refusal(answer: dict[str, Any]) -> str:
    return str(answer.get("error", {}).get("description") or "accepted")


if __name__ == "__main__":
    raise SystemExit(main())
