"""Idempotency keys over HTTP: a repeated request gets the same answer, byte for byte."""

import asyncio
from typing import Literal

import pytest
from sqlalchemy import insert

from roadbike.kit import idempotency
from roadbike.kit.db.bulk import CLEANUP_BATCH
from roadbike.kit.db.ids import new_id
from roadbike.reservation import store
from roadbike.reservation.api import NewReservation
from tests.reservation import fake_payment
from tests.reservation.builders import NOON, bike_changed
from tests.reservation.fake_payment import FakePayment
from tests.reservation.http import ask, post_reservation
from tests.reservation.service_harness import ReservationHarness
from tests.service_harness import ApiClient


@pytest.fixture
def dialect() -> Literal["postgresql"]:
    """Other tests run the same SQL on both databases."""
    return "postgresql"


async def reserve(person: ApiClient, key: str, **more: object) -> tuple[int, bytes, str | None]:
    answer = await post_reservation(person, {"bikeId": 1, **more}, Idempotency_Key=key)
    return answer.status_code, answer.content, answer.headers.get("location")


async def test_a_repeated_request_gets_the_same_answer_byte_for_byte(
    kim: ApiClient, harness: ReservationHarness
) -> None:
    first = await reserve(kim, "mine")

    again = [await reserve(kim, "mine") for _ in range(3)]

    assert first[0] == 201
    assert set(again) == {first}
    assert await harness.count_rows() == (1, 1)


async def test_the_first_answer_is_replayed_after_the_reservation_was_cancelled(
    kim: ApiClient, harness: ReservationHarness
) -> None:
    first = await reserve(kim, "mine")
    await ask(kim, f"DELETE {first[2]}")
    await harness.consume(bike_changed(free=0, free_seq=2, price=1, bike_version=2))

    assert await reserve(kim, "mine") == first


async def test_another_body_with_the_same_key_is_422(
    kim: ApiClient, harness: ReservationHarness
) -> None:
    await reserve(kim, "mine")

    for more in ({"price": 5_100_000}, {"addrNm": "somewhere"}, {"bikeId": 2}):
        status, body, _ = await reserve(kim, "mine", **more)
        assert status == 422
        assert b"/problems/key-reused" in body

    assert await harness.count_rows() == (1, 1)


async def test_fields_that_the_server_ignores_do_not_make_another_request(kim: ApiClient) -> None:
    first = await reserve(kim, "mine", reserveId=1, reserveStatus="예약완료")

    again = await reserve(kim, "mine", reserveId=2, bikeNm="x", userNm=None)

    assert again == first


async def test_two_buyers_may_use_the_same_key(kim: ApiClient, lee: ApiClient) -> None:
    first, other = await reserve(kim, "1"), await reserve(lee, "1")

    assert (first[0], other[0]) == (201, 201)
    assert first[2] != other[2]


async def test_the_same_request_without_a_key_makes_another_reservation(kim: ApiClient) -> None:
    body = {"bikeId": 1}

    made = [await post_reservation(kim, body) for _ in range(2)]

    assert len({answer.json()["reserveId"] for answer in made}) == 2


async def test_a_request_that_is_in_progress_is_409_with_retry_after(
    kim: ApiClient, payment: FakePayment
) -> None:
    released = asyncio.Event()
    payment.behaviour = fake_payment.opens_after(released)
    running = asyncio.create_task(reserve(kim, "mine"))
    await payment.until_asked(1)

    answer = await ask(kim, "POST /reservations", {"bikeId": 1}, Idempotency_Key="mine")
    released.set()

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/in-progress")
    assert int(answer.headers["retry-after"]) >= 1
    assert (await running)[0] == 201


async def test_a_key_is_deleted_after_its_time_and_not_before(
    kim: ApiClient, harness: ReservationHarness
) -> None:
    first = await reserve(kim, "mine")

    await harness.age(hours=48, minutes=59)
    await harness.run_timed("delete_old_keys")
    before = await reserve(kim, "mine")
    await harness.age(minutes=2)
    await harness.run_timed("delete_old_keys")
    after = await reserve(kim, "mine")

    assert before == first
    assert after[0] == 201
    assert after[2] != first[2]


async def test_old_keys_are_deleted_in_as_many_batches_as_it_takes(
    harness: ReservationHarness,
) -> None:
    row = {"user_id": "kim", "route": "x", "fingerprint": "", "created_at": NOON.replace(year=2020)}
    rows = [
        {**row, "key": str(number), "result_id": new_id()} for number in range(CLEANUP_BATCH + 5)
    ]
    async with harness.db.begin() as tx:
        await tx.execute(insert(store.KEY), rows)

    await harness.run_timed("delete_old_keys")

    assert await harness.count_rows() == (0, 0)


def test_a_fingerprint_does_not_depend_on_fields_that_were_left_out() -> None:
    whole = NewReservation(bike_id=1, price=None, address=None)

    assert idempotency.fingerprint(whole) == idempotency.fingerprint(NewReservation(bike_id=1))
    assert idempotency.fingerprint(whole) != idempotency.fingerprint(NewReservation(bike_id=2))
