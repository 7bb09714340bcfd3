"""The call that opens a payment: by the reservation service alone, once, within what is agreed."""

import asyncio
from dataclasses import replace
from secrets import token_hex
from typing import Literal
from uuid import UUID

import pytest
from sqlalchemy import select

from roadbike.kit.auth import ServiceTokens, new_signing_key
from roadbike.kit.db.ids import new_id
from roadbike.kit.messaging.outbox import OUTBOX
from tests.payment.asking import TERMS, open_, payments
from tests.payment.conftest import OPS_KEY, RESERVATION_KEY
from tests.purchase_events import Story
from tests.reservation.http import ask, pointers
from tests.service_harness import ApiClient, ServiceHarness


@pytest.fixture
def dialect() -> Literal["postgresql"]:
    """The SQL behind it is tried on both databases elsewhere."""
    return "postgresql"


async def test_a_payment_is_opened_and_told(
    reservation: ApiClient, payment: ServiceHarness
) -> None:
    at = new_id()

    answer = await open_(reservation, at)

    assert answer.status_code == 200
    assert answer.json()["reserveId"] == str(at)
    assert answer.json()["payStatus"] == "결제예정"
    (event,) = await payment.published()
    assert (event.reservation_id, event.price, event.version) == (at, 5_100_000, 1)


async def test_opening_again_answers_the_same_and_tells_nothing(
    reservation: ApiClient, payment: ServiceHarness
) -> None:
    at = new_id()

    answers = [await open_(reservation, at) for _ in range(3)]

    assert len({answer.content for answer in answers}) == 1
    assert await payment.published_types() == ["PaymentOpened"]


async def test_opening_many_times_at_once_opens_once(
    reservation: ApiClient, payment: ServiceHarness
) -> None:
    at = new_id()

    answers = await asyncio.gather(*[open_(reservation, at) for _ in range(30)])

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert await payment.published_types() == ["PaymentOpened"]


@pytest.mark.parametrize("other", [{"bikeId": 2}, {"userId": "mallory"}, {"price": 1}])
async def test_opening_over_something_else_is_409_and_changes_nothing(
    reservation: ApiClient, alice: ApiClient, payment: ServiceHarness, other: dict[str, object]
) -> None:
    at = new_id()
    await open_(reservation, at)
    before = await payments(alice)

    answer = await open_(reservation, at, **other)

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/payment-differs")
    assert await payments(alice) == before
    assert await payment.published_types() == ["PaymentOpened"]


async def test_opening_at_once_over_two_things_opens_one_of_them(
    reservation: ApiClient, payment: ServiceHarness
) -> None:
    at = new_id()

    answers = await asyncio.gather(*[open_(reservation, at, price=1 + n % 2) for n in range(20)])

    assert sorted(answer.status_code for answer in answers) == [200] * 10 + [409] * 10
    assert await payment.published_types() == ["PaymentOpened"]


async def test_a_late_open_meets_the_tombstone(
    reservation: ApiClient, payment: ServiceHarness
) -> None:
    story = Story()
    await payment.consume(story.cancelled(registered=False))

    answer = await open_(reservation, story.reservation_id)

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/reservation-gone")
    assert await payment.published_types() == []


async def test_an_open_and_a_cancel_at_once_leave_nothing_to_pay(
    reservation: ApiClient, alice: ApiClient, payment: ServiceHarness
) -> None:
    stories = [Story() for _ in range(10)]

    await asyncio.gather(
        *[open_(reservation, story.reservation_id) for story in stories],
        *[payment.consume(story.cancelled()) for story in reversed(stories)],
    )

    assert {one["payStatus"] for one in await payments(alice)} <= {"결제취소"}
    told = await payment.published_types()
    assert told.count("PaymentOpened") == told.count("PaymentCancelled")


async def test_only_a_service_with_a_token_for_payment_opens(
    nobody: ApiClient, alice: ApiClient, admin: ApiClient, payment: ServiceHarness
) -> None:
    ours = ServiceTokens("reservation", RESERVATION_KEY, '{"keys": []}')
    strange = ServiceTokens("reservation", new_signing_key("reservation/1"), '{"keys": []}')
    strangers = ServiceTokens("mypage", new_signing_key("mypage/1"), '{"keys": []}')
    callers = [
        *(nobody, alice, admin),
        ApiClient(nobody.client, ours.headers("stock")),
        ApiClient(nobody.client, strange.headers("payment")),
        ApiClient(nobody.client, strangers.headers("payment")),
    ]

    for caller in callers:
        assert (await open_(caller, new_id())).status_code == 401

    assert await payment.published_types() == []


async def test_each_open_is_told_in_its_own_trace(
    reservation: ApiClient, payment: ServiceHarness
) -> None:
    async def opened() -> tuple[UUID, str]:
        at, trace = new_id(), token_hex(16)
        caller = replace(
            reservation, headers={**reservation.headers, "traceparent": f"00-{trace}-{'1' * 16}-01"}
        )
        assert (await open_(caller, at)).status_code == 200
        return at, trace

    asked = dict(await asyncio.gather(*(opened() for _ in range(20))))

    async with payment.db.read() as tx:
        told = await tx.rows(select(OUTBOX.c.key, OUTBOX.c.traceparent))
    assert {UUID(row["key"]): row["traceparent"].split("-")[1] for row in told} == asked


async def test_who_may_ask_for_figures_may_not_open(
    nobody: ApiClient, payment: ServiceHarness
) -> None:
    ops = ApiClient(nobody.client, ServiceTokens("ops", OPS_KEY, '{"keys": []}').headers("payment"))

    assert (await ask(ops, "GET /internal/status")).status_code == 200
    assert (await open_(ops, new_id())).status_code == 403
    assert await payment.published_types() == []


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, ["/bikeId"]),
        ({"price": "1"}, ["/price"]),
        ({"price": True}, ["/price"]),
        ({"price": 0}, ["/price"]),
        ({"price": -1}, ["/price"]),
        ({"bikeId": 0}, ["/bikeId"]),
        ({"userId": ""}, ["/userId"]),
        ({"userId": "x" * 65}, ["/userId"]),
        ({"amount": 1}, ["/amount"]),
    ],
)
async def test_an_open_that_says_something_wrong_is_422(
    reservation: ApiClient, payment: ServiceHarness, body: dict[str, object], named: list[str]
) -> None:
    sent = TERMS | body if body else {}

    answer = await ask(reservation, f"PUT /internal/payments/{new_id()}", sent)

    assert answer.status_code == 422, answer.text
    assert pointers(answer) == named
    assert await payment.published_types() == []
