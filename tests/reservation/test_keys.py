"""Idempotency keys over HTTP: the same request again has the same answer, byte for byte."""

import asyncio
from typing import Literal

import pytest
from sqlalchemy import insert

from roadbike.kit import idempotency
from roadbike.kit.db.bulk import CLEANUP_BATCH
from roadbike.kit.db.ids import new_id
from roadbike.reservation import store
from roadbike.reservation.api import NewReservation
from tests.at_work import Visitor
from tests.reservation import till as tills
from tests.reservation.asking import answered, ask
from tests.reservation.counter import Counter
from tests.reservation.things import NOON, bike_told
from tests.reservation.till import Till


@pytest.fixture
def dialect() -> Literal["postgresql"]:
    """The SQL behind it is tried on both databases elsewhere."""
    return "postgresql"


async def reserve(visitor: Visitor, key: str, **more: object) -> tuple[int, bytes, str | None]:
    answer = await answered(visitor, {"bikeId": 1, **more}, Idempotency_Key=key)
    return answer.status_code, answer.content, answer.headers.get("location")


async def test_a_repeated_request_has_the_same_answer_to_the_byte(
    kim: Visitor, counter: Counter
) -> None:
    first = await reserve(kim, "mine")

    again = [await reserve(kim, "mine") for _ in range(3)]

    assert first[0] == 201
    assert set(again) == {first}
    assert await counter.rows() == (1, 1)


async def test_the_answer_is_replayed_as_it_was_whatever_became_of_the_reservation(
    kim: Visitor, counter: Counter
) -> None:
    first = await reserve(kim, "mine")
    await ask(kim, f"DELETE {first[2]}")
    await counter.hear(bike_told(free=0, free_seq=2, price=1, bike_version=2))

    assert await reserve(kim, "mine") == first


async def test_another_body_with_the_same_key_is_422(kim: Visitor, counter: Counter) -> None:
    await reserve(kim, "mine")

    for more in ({"price": 5_100_000}, {"addrNm": "somewhere"}, {"bikeId": 2}):
        status, body, _ = await reserve(kim, "mine", **more)
        assert status == 422
        assert b"/problems/key-reused" in body

    assert await counter.rows() == (1, 1)


async def test_what_the_server_ignores_makes_no_other_body(kim: Visitor) -> None:
    first = await reserve(kim, "mine", reserveId=1, reserveStatus="예약완료")

    again = await reserve(kim, "mine", reserveId=2, bikeNm="x", userNm=None)

    assert again == first


async def test_two_buyers_may_use_one_key(kim: Visitor, lee: Visitor) -> None:
    first, other = await reserve(kim, "1"), await reserve(lee, "1")

    assert (first[0], other[0]) == (201, 201)
    assert first[2] != other[2]


async def test_the_same_request_without_a_key_is_another_one(kim: Visitor) -> None:
    body = {"bikeId": 1}

    made = [await answered(kim, body) for _ in range(2)]

    assert len({answer.json()["reserveId"] for answer in made}) == 2


async def test_a_request_that_is_being_worked_on_is_409_with_when_to_come_back(
    kim: Visitor, till: Till
) -> None:
    enough = asyncio.Event()
    till.behaves = tills.opens_after(enough)
    running = asyncio.create_task(reserve(kim, "mine"))
    await till.until_asked(1)

    answer = await ask(kim, "POST /reservations", {"bikeId": 1}, Idempotency_Key="mine")
    enough.set()

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/in-progress")
    assert int(answer.headers["retry-after"]) >= 1
    assert (await running)[0] == 201


async def test_a_key_is_forgotten_after_a_day_and_not_before(
    kim: Visitor, counter: Counter
) -> None:
    first = await reserve(kim, "mine")

    await counter.age(hours=23, minutes=59)
    await counter.tick("forget_old_keys")
    before = await reserve(kim, "mine")
    await counter.age(minutes=2)
    await counter.tick("forget_old_keys")
    after = await reserve(kim, "mine")

    assert before == first
    assert after[0] == 201
    assert after[2] != first[2]


async def test_all_old_keys_are_forgotten_however_many_there_are(counter: Counter) -> None:
    row = {"user_id": "kim", "route": "x", "fingerprint": "", "created_at": NOON.replace(year=2020)}
    rows = [
        {**row, "key": str(number), "result_id": new_id()} for number in range(CLEANUP_BATCH + 5)
    ]
    async with counter.db.begin() as tx:
        await tx.execute(insert(store.KEY), rows)

    await counter.tick("forget_old_keys")

    assert await counter.rows() == (0, 0)


def test_a_fingerprint_is_of_what_was_asked_and_not_of_what_was_left_out() -> None:
    whole = NewReservation(bike_id=1, price=None, address=None)

    assert idempotency.fingerprint(whole) == idempotency.fingerprint(NewReservation(bike_id=1))
    assert idempotency.fingerprint(whole) != idempotency.fingerprint(NewReservation(bike_id=2))
