"""With messages that arrive twice, late or in another order, the shop ends in the same state."""

import asyncio
from random import Random

from tests.flows.given import all_of, assert_all_agree, given_a_bike, given_a_reservation, total
from tests.flows.in_process_shop import Shop


async def a_busy_day(shop: Shop) -> None:
    """Nine reservations of three buyers; each third one is cancelled right after it was made."""
    people = [shop.person(name, "buyer") for name in ("kim", "lee", "park")]

    async def buy(number: int) -> None:
        person = people[number % 3]
        reserve_id = await given_a_reservation(person)
        if number % 3 == 0:
            cancelled = await person.request("DELETE", f"/reservations/{reserve_id}")
            assert cancelled.status == 200

    await asyncio.gather(*[buy(number) for number in range(9)])


async def test_messages_twice_and_in_another_order(shop: Shop) -> None:
    await given_a_bike(shop, units=20)
    shop.log.repeat_acknowledged = True
    shop.log.shuffle = Random(1)  # noqa: S311 no secret

    await a_busy_day(shop)

    await shop.settle()
    assert await total(shop.admin) == 9
    assert (await shop.admin.get("/stocks/1")).body["reserveQty"] == 6
    await assert_all_agree(shop)


async def test_many_waiting_messages_in_another_order(shop: Shop) -> None:
    await given_a_bike(shop, units=20)
    for name in ("stock", "delivery", "mypage"):
        await shop.stop(name)
    await a_busy_day(shop)
    shop.log.shuffle = Random(3)  # noqa: S311 no secret

    for name in ("mypage", "delivery", "stock"):
        await shop.start(name)

    await shop.settle()
    assert await total(shop.admin, "/myPages") == 9
    await assert_all_agree(shop)


async def test_consuming_the_whole_log_again_changes_nothing(shop: Shop) -> None:
    await given_a_bike(shop, units=20)
    await a_busy_day(shop)
    await shop.settle()
    lists = ("/reservations", "/payments", "/myPages")
    before = [await all_of(shop.admin, path) for path in lists]
    logged = sum(len(topic.messages) for topic in shop.log.topics.values())

    for place in shop.log.positions.values():
        place.next = 1
    shop.log.wake_waiting()

    await shop.settle()
    assert [await all_of(shop.admin, path) for path in lists] == before
    assert sum(len(topic.messages) for topic in shop.log.topics.values()) == logged
    await assert_all_agree(shop)
