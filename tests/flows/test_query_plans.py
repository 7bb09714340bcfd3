"""No statement of the services reads more rows because there were more purchases before.

Every statement that a service executes for a purchase, for its timed work, for its relay and its
inbox is explained while the tables are full. A new statement that has no index fails here, without
being named.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import cache
from typing import Final

import pytest
from sqlalchemy import Table

from roadbike.delivery.store import DELIVERY
from roadbike.kit.messaging import retention
from roadbike.kit.messaging.inbox import INBOX
from roadbike.kit.messaging.outbox import EVENT_VERSION, OUTBOX
from roadbike.mypage.store import PURCHASE, STORED_EVENT
from roadbike.payment.store import ATTEMPT, MONEY, PAYMENT
from roadbike.reservation.store import RESERVATION
from roadbike.stock.store import ALLOCATION, LEDGER
from tests.flows.explained import Explained, fill
from tests.flows.given import given_a_bike, given_a_reservation
from tests.flows.in_process_shop import SERVICES, Person, Shop, open_shop
from tests.flows.test_purchase import pay

MANY: Final = 1_000_000
SOME: Final = 50_000
FULL: Final[dict[str, dict[Table, int]]] = {
    "reservation": {OUTBOX: MANY, INBOX: MANY, EVENT_VERSION: SOME, RESERVATION: SOME},
    "payment": {PAYMENT: SOME, ATTEMPT: MANY, MONEY: SOME},
    "stock": {ALLOCATION: SOME, LEDGER: SOME},
    "delivery": {DELIVERY: SOME},
    "mypage": {PURCHASE: SOME, STORED_EVENT: SOME},
}
MOST_ROWS: Final = 2_000  # of one statement; the relay reads 500 events, a clean-up 1,000
A_FEW: Final = 10  # statements that every service has at least
TIMED_WORK_SECONDS: Final = 3  # in which the timed work of every service runs more than once


@pytest.fixture
async def shop_on_postgresql(
    migrated_url: Callable[..., str], new_database: Callable[..., str]
) -> AsyncIterator[Shop]:
    @cache
    def url(service: str) -> str:
        if service == "provider":
            return new_database("sqlite")
        return migrated_url(f"roadbike.{service}")

    async with open_shop(url, SERVICES) as shop:
        yield shop


async def test_a_purchase_costs_the_same_after_a_million_others(shop_on_postgresql: Shop) -> None:
    shop = shop_on_postgresql
    kim = shop.person("kim", "buyer")
    await given_a_bike(shop, units=9)
    await delivered(shop, kim)
    await cancelled(shop, kim)
    for name, tables in FULL.items():
        for table, rows in tables.items():
            await fill(shop.db(name), table, rows)
    explained = {name: Explained() for name in SERVICES}
    for name in SERVICES:
        explained[name].listen(shop.db(name))

    lee = shop.person("lee", "buyer")
    await delivered(shop, lee)
    await cancelled(shop, lee)
    await asyncio.sleep(TIMED_WORK_SECONDS)
    for name in SERVICES:
        await retention.delete_old_rows(shop.db(name))

    assert all(len(explained[name].rows) > A_FEW for name in SERVICES)
    slow = {
        (name, statement): rows
        for name in SERVICES
        for statement, rows in explained[name].rows.items()
        if rows > MOST_ROWS
    }
    assert slow == {}


async def delivered(shop: Shop, buyer: Person) -> None:
    reserve_id = await given_a_reservation(buyer, addrNm="성남시 분당구")
    await shop.settle()
    assert (await pay(buyer, reserve_id)).status == 200
    await shop.settle()
    found = await buyer.get(f"/deliveries?reserveId={reserve_id}")
    (parcel,) = found.body["_embedded"]["deliveries"]
    path = f"/deliveries/{parcel['deliveryId']}"
    moved = await shop.admin.request("PATCH", path, {"deliveryStatus": "배송시작"})
    assert moved.status == 200, moved.raw
    await shop.settle()


async def cancelled(shop: Shop, buyer: Person) -> None:
    reserve_id = await given_a_reservation(buyer)
    await shop.settle()
    assert (await pay(buyer, reserve_id)).status == 200
    await shop.settle()
    assert (await buyer.request("DELETE", f"/reservations/{reserve_id}")).status == 200
    await shop.settle()
