"""Purchases through all services with Kafka as the broker."""

import asyncio
import time

import pytest

from tests.distributed.kafka_server import KafkaCluster
from tests.flows.given import assert_all_agree, given_a_bike, given_a_reservation, statuses
from tests.flows.in_process_shop import Shop
from tests.flows.test_purchase import pay

pytestmark = pytest.mark.distributed

SETTLE_SECONDS = 90.0


async def test_a_purchase_reaches_every_service(shop: Shop) -> None:
    kim = shop.person("kim", "buyer")
    await given_a_bike(shop)
    reserve_id = await given_a_reservation(kim, addrNm="성남시 분당구")
    await shop.settle(SETTLE_SECONDS)

    paid = await pay(kim, reserve_id)

    assert (paid.status, paid.body["payStatus"]) == (200, "결제완료")
    await shop.settle(SETTLE_SECONDS)
    page = (await kim.get(f"/myPages/{reserve_id}")).body
    assert (page["payStatus"], page["deliveryStatus"]) == ("결제완료", "배송준비")


async def test_a_cancel_takes_effect_after_payment_was_down(shop: Shop) -> None:
    await given_a_bike(shop)
    kim = shop.person("kim", "buyer")
    reserve_id = await given_a_reservation(kim)
    await shop.settle(SETTLE_SECONDS)
    await shop.stop("payment")

    cancelled = await kim.request("DELETE", f"/reservations/{reserve_id}")

    assert cancelled.status == 200, cancelled.raw
    await shop.start("payment")
    await shop.settle(SETTLE_SECONDS)
    assert await statuses(kim, reserve_id) == ("예약취소", "결제취소", "배정해제")
    await assert_all_agree(shop)


@pytest.mark.parametrize("seconds", [45, pytest.param(300, marks=pytest.mark.long)])
async def test_events_arrive_after_the_broker_was_down(
    shop: Shop, one_server: KafkaCluster, seconds: int
) -> None:
    """Reservations are acknowledged meanwhile: their events wait in the outbox."""
    await given_a_bike(shop, units=10)
    kim = shop.person("kim", "buyer")
    one_server.kill()
    down_until = time.monotonic() + seconds

    made = [await given_a_reservation(kim) for _ in range(4)]
    assert (await kim.request("DELETE", f"/reservations/{made[0]}")).status == 200
    assert (await shop.status("reservation"))["unsent"] == 5
    await asyncio.sleep(down_until - time.monotonic())
    await asyncio.to_thread(one_server.start_again)

    await shop.settle(SETTLE_SECONDS)
    assert await statuses(kim, made[0]) == ("예약취소", "결제취소", "배정해제")
    assert {await statuses(kim, reserve_id) for reserve_id in made[1:]} == {
        ("예약완료", "결제예정", "배정완료")
    }
    await assert_all_agree(shop)
