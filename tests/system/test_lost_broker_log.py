"""NATS loses its disk while consumers are behind: nothing that was promised is forgotten."""

import shutil
import time
from http import HTTPStatus
from typing import Final

import asyncpg

from tests.system import audit
from tests.system.real_shop import Shop
from tests.system.shop_client import (
    Person,
    Response,
    ShopClient,
    open_client,
    until,
    until_all_ready,
)

KEPT: Final = 10_000  # events that reservation has sent before, and keeps
REFUND_SECONDS: Final = 30  # after all processes answer again: their starts do not count
COPIES: Final = f"""
    INSERT INTO outbox (event_id, kind, key, version, type, topic, time, data,
        sent_at, incarnation, position)
    SELECT gen_random_uuid(), kind, key, version, type, topic, time, data,
        sent_at, incarnation, position
    FROM outbox, generate_series(1, {KEPT}) WHERE kind = 'reservation' LIMIT {KEPT}
"""  # noqa: S608  our own number


async def test_a_lost_broker_log_is_filled_again(new_shop: Shop) -> None:
    assert new_shop.up().code == 0
    async with open_client(new_shop) as client:
        buyer = client.buyer()
        reserve_id = await paid(client, buyer)
        await keep_many_events(new_shop)
        for part in ("payment", "mypage"):
            await new_shop.roadbike_ok("stop", part)
        cancelled = await buyer.request("DELETE", f"/reservations/{reserve_id}")
        await until_closed(buyer)  # delivery has consumed the cancel; payment and my page have not

        await new_shop.roadbike_ok("stop", "nats")
        shutil.rmtree(new_shop.home.path / "nats" / "data" / "jetstream")
        for part in ("nats", "payment", "mypage"):
            await new_shop.roadbike_ok("start", part)
        await until_all_ready(new_shop)
        began = time.monotonic()
        path = f"/myPages/{reserve_id}"
        await client.eventually(buyer, path, REFUND_SECONDS, payStatus="결제취소")
        took = time.monotonic() - began
        print(f"refunded {took:.1f} s after all processes answer")  # noqa: T201

        assert cancelled.status == 200
        assert took <= REFUND_SECONDS
        await client.settle(60)
        page = await buyer.get(path)
        statuses = (page["reserveStatus"], page["deliveryStatus"], page["stockStatus"])
        assert statuses == ("예약취소", "배송취소", "배정해제")
        # the copies have a version that another event has, which nothing else may have
        assert (await audit.read(new_shop)).report.violated == ["E5"]
        assert (await client.status("reservation"))["published"] > KEPT
        assert (await new_shop.roadbike("status")).code == 0


async def paid(client: ShopClient, buyer: Person) -> str:
    bike_id = await client.bike(units=3)
    # a busy machine may refuse the first one
    made = await until(lambda: buyer.reserve(bike_id), is_created, "a reservation is made")
    reserve_id: str = made.body["reserveId"]
    payment = await buyer.payment_of(reserve_id)
    body = {"payStatus": "결제완료"}
    assert (await buyer.request("PATCH", f"/payments/{payment['payId']}", body)).status == 200
    await client.settle()
    return reserve_id


def is_created(response: Response) -> bool:
    return response.status == HTTPStatus.CREATED


async def keep_many_events(shop: Shop) -> None:
    """Add events that were sent long ago: each is the registration again, under another id."""
    url = shop.shop_file["databases"]["reservation"].replace("+asyncpg", "")
    connection = await asyncpg.connect(url)
    await connection.execute(COPIES)
    await connection.close()


async def until_closed(buyer: Person) -> None:
    async def look() -> list[str]:
        return [parcel["deliveryStatus"] for parcel in await buyer.all("/deliveries")]

    await until(look, lambda statuses: statuses == ["배송취소"], "the parcel is cancelled")
