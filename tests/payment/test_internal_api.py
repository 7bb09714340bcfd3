"""The internal call that opens a payment: by the reservation service alone, with checked values."""

import asyncio
from dataclasses import replace
from secrets import token_hex
from typing import Any, Literal
from uuid import UUID

import pytest
from sqlalchemy import select

from roadbike.kit.auth import ServiceTokens, new_signing_key
from roadbike.kit.db.ids import new_id
from roadbike.kit.messaging.outbox import OUTBOX
from roadbike.kit.resilience.limiter import Limiter
from tests.payment.conftest import OPS_KEY, RESERVATION_KEY
from tests.payment.http import OPEN_BODY, ask, open_payment, payments, pointers
from tests.purchase_events import Story
from tests.service_harness import ApiClient, ServiceHarness, Signed


@pytest.fixture
def dialect() -> Literal["postgresql"]:
    """PostgreSQL only: other tests run the same SQL on both databases."""
    return "postgresql"


async def test_an_open_payment_is_published(
    reservation: ApiClient, payment: ServiceHarness
) -> None:
    reservation_id = new_id()

    answer = await open_payment(reservation, reservation_id)

    assert answer.status_code == 200
    assert answer.json()["reserveId"] == str(reservation_id)
    assert answer.json()["payStatus"] == "결제예정"
    (event,) = await payment.published()
    assert (event.reservation_id, event.price, event.version) == (reservation_id, 5_100_000, 1)


async def test_opening_again_answers_the_same_and_publishes_nothing(
    reservation: ApiClient, payment: ServiceHarness
) -> None:
    reservation_id = new_id()

    answers = [await open_payment(reservation, reservation_id) for _ in range(3)]

    assert len({answer.content for answer in answers}) == 1
    assert await payment.published_types() == ["PaymentOpened"]


async def test_opening_many_times_at_the_same_time_opens_once(
    reservation: ApiClient, payment: ServiceHarness
) -> None:
    reservation_id = new_id()

    answers = await asyncio.gather(*[open_payment(reservation, reservation_id) for _ in range(30)])

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert await payment.published_types() == ["PaymentOpened"]


@pytest.mark.parametrize("other", [{"bikeId": 2}, {"userId": "mallory"}, {"price": 1}])
async def test_opening_with_other_values_is_409_and_changes_nothing(
    reservation: ApiClient, alice: ApiClient, payment: ServiceHarness, other: dict[str, object]
) -> None:
    reservation_id = new_id()
    await open_payment(reservation, reservation_id)
    before = await payments(alice)

    answer = await open_payment(reservation, reservation_id, **other)

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/payment-differs")
    assert await payments(alice) == before
    assert await payment.published_types() == ["PaymentOpened"]


async def test_opening_with_two_prices_at_the_same_time_opens_one_of_them(
    reservation: ApiClient, payment: ServiceHarness
) -> None:
    reservation_id = new_id()

    answers = await asyncio.gather(
        *[open_payment(reservation, reservation_id, price=1 + n % 2) for n in range(20)]
    )

    assert sorted(answer.status_code for answer in answers) == [200] * 10 + [409] * 10
    assert await payment.published_types() == ["PaymentOpened"]


async def test_a_tombstone_refuses_a_late_open(
    reservation: ApiClient, payment: ServiceHarness
) -> None:
    story = Story()
    await payment.consume(story.cancelled(registered=False))

    answer = await open_payment(reservation, story.reservation_id)

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/reservation-gone")
    assert await payment.published_types() == []


async def test_an_open_and_a_cancel_at_the_same_time_leave_nothing_to_pay(
    reservation: ApiClient, alice: ApiClient, payment: ServiceHarness
) -> None:
    stories = [Story() for _ in range(10)]

    await asyncio.gather(
        *[open_payment(reservation, story.reservation_id) for story in stories],
        *[payment.consume(story.cancelled()) for story in reversed(stories)],
    )

    assert {one["payStatus"] for one in await payments(alice)} <= {"결제취소"}
    published = await payment.published_types()
    assert published.count("PaymentOpened") == published.count("PaymentCancelled")


async def test_an_open_whose_caller_waits_no_longer_writes_nothing(
    reservation: ApiClient, payment: ServiceHarness
) -> None:
    late = replace(reservation, headers={"X-Timeout-Ms": "0"})

    answer = await open_payment(late, new_id())

    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/overloaded")
    assert await payment.published_types() == []
    assert (await open_payment(reservation, new_id())).status_code == 200


async def test_an_open_too_many_is_refused_before_it_is_read(
    nobody: ApiClient, alice: ApiClient, payment: ServiceHarness
) -> None:
    api: Any = next(each.fn for each in payment.service.routes if "open" in each.fn.__name__)
    api = api.__self__
    api.opens = Limiter(1, queue=0)

    async with api.opens.place():
        refused = await open_payment(nobody, new_id())
        others = await ask(alice, "GET /payments")

    assert (refused.status_code, refused.json()["type"]) == (503, "/problems/overloaded")
    assert others.status_code == 200
    assert (await open_payment(nobody, new_id())).status_code == 401


async def test_only_a_service_with_a_token_for_payment_opens(
    nobody: ApiClient, alice: ApiClient, admin: ApiClient, payment: ServiceHarness
) -> None:
    ours = ServiceTokens("reservation", RESERVATION_KEY, '{"keys": []}')
    strange = ServiceTokens("reservation", new_signing_key("reservation/1"), '{"keys": []}')
    strangers = ServiceTokens("mypage", new_signing_key("mypage/1"), '{"keys": []}')
    callers = [
        *(nobody, alice, admin),
        ApiClient(nobody.client, {}, Signed(ours, "stock")),
        ApiClient(nobody.client, {}, Signed(strange, "payment")),
        ApiClient(nobody.client, {}, Signed(strangers, "payment")),
    ]

    for caller in callers:
        assert (await open_payment(caller, new_id())).status_code == 401

    assert await payment.published_types() == []


async def test_each_open_is_published_in_its_own_trace(
    reservation: ApiClient, payment: ServiceHarness
) -> None:
    async def opened() -> tuple[UUID, str]:
        reservation_id, trace = new_id(), token_hex(16)
        caller = replace(
            reservation, headers={**reservation.headers, "traceparent": f"00-{trace}-{'1' * 16}-01"}
        )
        assert (await open_payment(caller, reservation_id)).status_code == 200
        return reservation_id, trace

    sent = dict(await asyncio.gather(*(opened() for _ in range(20))))

    async with payment.db.read() as tx:
        rows = await tx.rows(select(OUTBOX.c.key, OUTBOX.c.traceparent))
    assert {UUID(row["key"]): row["traceparent"].split("-")[1] for row in rows} == sent


async def test_a_service_that_may_read_the_status_may_not_open(
    nobody: ApiClient, payment: ServiceHarness
) -> None:
    ops = ApiClient(
        nobody.client, {}, Signed(ServiceTokens("ops", OPS_KEY, '{"keys": []}'), "payment")
    )

    assert (await ask(ops, "GET /internal/status")).status_code == 200
    assert (await open_payment(ops, new_id())).status_code == 403
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
async def test_an_open_with_a_wrong_value_is_422_and_names_it(
    reservation: ApiClient, payment: ServiceHarness, body: dict[str, object], named: list[str]
) -> None:
    sent = OPEN_BODY | body if body else {}

    answer = await ask(reservation, f"PUT /internal/payments/{new_id()}", sent)

    assert answer.status_code == 422, answer.text
    assert pointers(answer) == named
    assert await payment.published_types() == []
