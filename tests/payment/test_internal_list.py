"""The internal call that opens a list of payments: each is opened, or refused, by itself."""

import asyncio
from typing import Any, Literal
from uuid import UUID

import pytest
from httpx import Response
from sqlalchemy import select

from roadbike.kit.auth import ServiceTokens
from roadbike.kit.db.ids import new_id
from roadbike.kit.messaging.outbox import OUTBOX
from roadbike.kit.resilience.batching import MAX_BATCH
from roadbike.kit.trace import new_traceparent
from tests.payment.conftest import OPS_KEY
from tests.payment.http import OPEN_BODY, ask, open_payment, pointers
from tests.purchase_events import Story
from tests.service_harness import ApiClient, ServiceHarness, Signed


@pytest.fixture
def dialect() -> Literal["postgresql"]:
    """PostgreSQL only: other tests run the same SQL on both databases."""
    return "postgresql"


async def open_list(caller: ApiClient, *wanted: dict[str, Any]) -> Response:
    return await ask(caller, "PUT /internal/payments", {"payments": wanted})


def a_payment(reservation_id: UUID | None = None, **changes: object) -> dict[str, Any]:
    return {"reserveId": str(reservation_id or new_id()), **OPEN_BODY, **changes}


def statuses(answer: Response) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [one["status"] for one in answer.json()["payments"]]


async def test_all_payments_of_a_list_are_opened_and_published(
    reservation: ApiClient, payment: ServiceHarness
) -> None:
    wanted = [a_payment() for _ in range(MAX_BATCH)]

    answer = await open_list(reservation, *wanted)

    ids = [one["reserveId"] for one in wanted]
    assert answer.json()["payments"] == [{"reserveId": id_, "status": 200} for id_ in ids]
    published = await payment.published()
    assert sorted(str(event.reservation_id) for event in published) == sorted(ids)


async def test_a_list_that_is_sent_again_answers_the_same_and_publishes_nothing(
    reservation: ApiClient, payment: ServiceHarness
) -> None:
    wanted = [a_payment() for _ in range(3)]

    answers = [await open_list(reservation, *wanted) for _ in range(3)]

    assert len({answer.content for answer in answers}) == 1
    assert await payment.published_types() == ["PaymentOpened"] * 3


async def test_a_refused_payment_does_not_hold_up_the_others_of_its_list(
    reservation: ApiClient, payment: ServiceHarness
) -> None:
    story, open_before = Story(), new_id()
    await payment.consume(story.cancelled(registered=False))
    await open_payment(reservation, open_before)

    answer = await open_list(
        reservation,
        a_payment(),
        a_payment(story.reservation_id),
        a_payment(open_before, price=1),
        a_payment(open_before),
        a_payment(),
    )

    assert statuses(answer) == [200, 409, 409, 200, 200]
    assert await payment.published_types() == ["PaymentOpened"] * 3


async def test_the_same_payment_in_two_lists_at_the_same_time_is_opened_once(
    reservation: ApiClient, payment: ServiceHarness
) -> None:
    wanted = [a_payment() for _ in range(5)]

    answers = await asyncio.gather(
        *(open_list(reservation, *wanted) for _ in range(5)),
        *(open_list(reservation, *reversed(wanted)) for _ in range(5)),
    )

    assert [statuses(answer) for answer in answers] == [[200] * 5] * 10
    assert await payment.published_types() == ["PaymentOpened"] * 5


async def test_a_price_is_decided_once_even_within_one_list(
    reservation: ApiClient, payment: ServiceHarness
) -> None:
    reservation_id = new_id()

    answer = await open_list(reservation, *(a_payment(reservation_id, price=n) for n in (1, 2, 1)))

    assert statuses(answer) == [200, 409, 200]
    assert await payment.published_types() == ["PaymentOpened"]


async def test_each_open_of_a_list_is_published_in_the_trace_of_its_own_request(
    reservation: ApiClient, payment: ServiceHarness
) -> None:
    traces = {new_id(): new_traceparent() for _ in range(5)}

    await open_list(reservation, *(a_payment(id_, traceparent=t) for id_, t in traces.items()))

    async with payment.db.read() as tx:
        rows = await tx.rows(select(OUTBOX.c.key, OUTBOX.c.traceparent))
    found = {UUID(row["key"]): row["traceparent"].split("-")[1] for row in rows}
    assert found == {id_: trace.split("-")[1] for id_, trace in traces.items()}


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"price": 0}, ["/payments/1/price"]),
        ({"reserveId": "1"}, ["/payments/1/reserveId"]),
        ({"amount": 1}, ["/payments/1/amount"]),
    ],
)
async def test_a_list_with_a_wrong_value_is_422_and_opens_nothing(
    reservation: ApiClient, payment: ServiceHarness, wrong: dict[str, object], named: list[str]
) -> None:
    """Reservation then asks for each of them alone."""
    answer = await open_list(reservation, a_payment(), a_payment() | wrong)

    assert answer.status_code == 422, answer.text
    assert pointers(answer) == named
    assert await payment.published_types() == []


@pytest.mark.parametrize("number", [0, MAX_BATCH + 1])
async def test_a_list_that_is_empty_or_too_long_is_422(
    reservation: ApiClient, payment: ServiceHarness, number: int
) -> None:
    answer = await open_list(reservation, *(a_payment() for _ in range(number)))

    assert answer.status_code == 422, answer.text
    assert await payment.published_types() == []


async def test_only_reservation_opens_a_list(
    nobody: ApiClient, alice: ApiClient, admin: ApiClient, payment: ServiceHarness
) -> None:
    tokens = ServiceTokens("ops", OPS_KEY, '{"keys": []}')
    ops = ApiClient(nobody.client, {}, Signed(tokens, "payment"))

    answers = [await open_list(caller, a_payment()) for caller in (nobody, alice, admin, ops)]

    assert [answer.status_code for answer in answers] == [401, 401, 401, 403]
    assert await payment.published_types() == []
