"""Purchases through all services with delivery on MariaDB and the others on PostgreSQL."""

from collections.abc import AsyncIterator, Callable
from functools import cache

import pytest

from tests.flows.given import assert_all_agree, given_a_bike, given_a_reservation, statuses
from tests.flows.in_process_shop import SERVICES, Shop, Url, open_shop
from tests.flows.test_purchase import pay

pytestmark = pytest.mark.distributed

ON_MARIADB = ("delivery",)


@pytest.fixture
def url(migrated_url: Callable[..., str], new_database: Callable[..., str]) -> Url:
    @cache
    def url(service: str) -> str:
        if service == "provider":
            return new_database("sqlite")
        dialect = "mariadb" if service in ON_MARIADB else "postgresql"
        return migrated_url(f"roadbike.{service}", dialect)

    return url


@pytest.fixture
async def shop(url: Url) -> AsyncIterator[Shop]:
    async with open_shop(url, SERVICES) as shop:
        yield shop


async def test_a_paid_purchase_is_delivered(shop: Shop) -> None:
    kim, boss = shop.person("kim", "buyer"), shop.person("boss", "admin")
    await given_a_bike(shop)
    reserve_id = await given_a_reservation(kim, addrNm="성남시 분당구")
    await shop.settle()

    assert (await pay(kim, reserve_id)).status == 200
    await shop.settle()
    (delivery,) = (await boss.get("/deliveries")).body["_embedded"]["deliveries"]
    assert (delivery["reserveId"], delivery["deliveryStatus"]) == (reserve_id, "배송준비")
    page = (await kim.get(f"/myPages/{reserve_id}")).body
    assert (page["payStatus"], page["deliveryStatus"]) == ("결제완료", "배송준비")


async def test_a_cancel_takes_effect_after_delivery_was_down(shop: Shop) -> None:
    kim = shop.person("kim", "buyer")
    await given_a_bike(shop)
    reserve_id = await given_a_reservation(kim)
    await shop.settle()
    assert (await pay(kim, reserve_id)).status == 200
    await shop.settle()
    await shop.stop("delivery")

    cancelled = await kim.request("DELETE", f"/reservations/{reserve_id}")

    assert cancelled.status == 200, cancelled.raw
    await shop.start("delivery")
    await shop.settle()
    assert await statuses(kim, reserve_id) == ("예약취소", "결제취소", "배정해제")
    await assert_all_agree(shop)
