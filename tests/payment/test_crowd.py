"""Many buyers pay at the same moment: they share transactions, and each has its own answer."""

import asyncio
from typing import Any, Literal
from uuid import UUID

import pytest
from httpx import Response
from sqlalchemy import func, literal_column, select

from roadbike.contracts.events import PaymentApproved, PaymentConfirming
from roadbike.kit.db.ids import new_id
from roadbike.kit.messaging.outbox import OUTBOX
from roadbike.kit.pure.events import Event
from roadbike.kit.trace import new_traceparent
from roadbike.payment.store import MONEY
from tests.payment.http import ask, open_payment, payments
from tests.purchase_events import Story
from tests.service_harness import ApiClient, ServiceHarness

CROWD = 30
PAID = {"payStatus": "결제완료"}


@pytest.fixture
def dialect() -> Literal["postgresql"]:
    """PostgreSQL only: it says which transaction wrote a row."""
    return "postgresql"


async def opened(reservation: ApiClient, number: int = CROWD, **changes: object) -> list[str]:
    """Open payments; return their ids."""
    answers = [await open_payment(reservation, new_id(), **changes) for _ in range(number)]
    return [answer.json()["payId"] for answer in answers]


async def pay(buyer: ApiClient, pay_id: object, **headers: str) -> Response:
    return await ask(buyer, f"PATCH /payments/{pay_id}", PAID, **headers)


async def captures(payment: ServiceHarness) -> int:
    async with payment.db.read() as tx:
        return int(await tx.scalar(select(func.count()).select_from(MONEY)))


async def test_all_of_a_crowd_have_paid_once(
    reservation: ApiClient, alice: ApiClient, payment: ServiceHarness
) -> None:
    ids = await opened(reservation)

    answers = await asyncio.gather(*(pay(alice, pay_id) for pay_id in ids))

    shown = [(answer.json()["payId"], answer.json()["payStatus"]) for answer in answers]
    assert shown == [(pay_id, "결제완료") for pay_id in ids]
    assert await captures(payment) == CROWD
    published = await payment.published_types()
    assert published.count("PaymentConfirming") == published.count("PaymentApproved") == CROWD


async def test_a_crowd_shares_transactions(
    reservation: ApiClient, alice: ApiClient, payment: ServiceHarness
) -> None:
    ids = await opened(reservation)

    await asyncio.gather(*(pay(alice, pay_id) for pay_id in ids))

    by = literal_column("money.xmin::text")  # the transaction that wrote the row
    async with payment.db.read() as tx:
        transactions = await tx.scalar(select(func.count(by.distinct())).select_from(MONEY))
    assert transactions < CROWD


async def test_one_payment_that_is_paid_by_many_requests_is_captured_once(
    reservation: ApiClient, alice: ApiClient, payment: ServiceHarness
) -> None:
    (pay_id,) = await opened(reservation, 1)

    answers = await asyncio.gather(*(pay(alice, pay_id) for _ in range(CROWD)))

    assert {answer.status_code for answer in answers} <= {200, 202}
    assert (await payments(alice))[0]["payStatus"] == "결제완료"
    assert await captures(payment) == 1
    assert (await payment.published_types()).count("PaymentApproved") == 1


async def test_each_of_a_crowd_gets_its_own_answer(
    reservation: ApiClient, alice: ApiClient, payment: ServiceHarness
) -> None:
    story = Story()
    cancelled = (await open_payment(reservation, story.reservation_id)).json()["payId"]
    await payment.consume(story.cancelled())
    (foreign,) = await opened(reservation, 1, userId="mallory")
    due, declined, unknown = await opened(reservation, 3)

    answers = await asyncio.gather(
        pay(alice, due),
        pay(alice, foreign),
        pay(alice, new_id()),
        pay(alice, cancelled),
        pay(alice, declined, **{"X-Simulate": "decline"}),
        pay(alice, unknown, **{"X-Simulate": "unknown-captured"}),
    )

    assert [answer.status_code for answer in answers] == [200, 404, 404, 409, 402, 202]
    assert await captures(payment) == 1


async def test_each_payment_of_a_crowd_is_published_in_the_trace_of_its_own_request(
    reservation: ApiClient, alice: ApiClient, payment: ServiceHarness
) -> None:
    ids = [new_id() for _ in range(5)]
    pay_ids = [(await open_payment(reservation, id_)).json()["payId"] for id_ in ids]
    traces = [new_traceparent() for _ in ids]

    pairs = zip(pay_ids, traces, strict=True)
    await asyncio.gather(*(pay(alice, pay_id, traceparent=trace) for pay_id, trace in pairs))

    found = await traces_of(payment, PaymentConfirming)
    assert found == await traces_of(payment, PaymentApproved)
    assert found == {id_: trace.split("-")[1] for id_, trace in zip(ids, traces, strict=True)}


async def traces_of(payment: ServiceHarness, kind: type[Event]) -> dict[UUID, Any]:
    async with payment.db.read() as tx:
        rows = await tx.rows(
            select(OUTBOX.c.key, OUTBOX.c.traceparent).where(OUTBOX.c.type == kind.type_name())
        )
    return {UUID(row["key"]): row["traceparent"].split("-")[1] for row in rows}
