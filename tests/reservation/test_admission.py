"""While no reservation can be made, requests for one are refused unread; all others go on."""

import asyncio
from contextlib import ExitStack
from typing import Any, Literal

import pytest
from httpx import AsyncClient

from roadbike.kit.pure.refusals import Overloaded
from roadbike.kit.resilience.limiter import Limiter
from roadbike.kit.resilience.throughput import FEWEST, SPAN_SECONDS
from roadbike.reservation import app
from roadbike.reservation.use_cases.desk import ReservationDesk
from tests.reservation.fake_payment import FakePayment
from tests.reservation.http import ask, post_reservation
from tests.reservation.service_harness import ReservationHarness
from tests.service_harness import ApiClient, settings


@pytest.fixture
def dialect() -> Literal["postgresql"]:
    return "postgresql"


@pytest.fixture
def desk(harness: ReservationHarness) -> ReservationDesk:
    handler: Any = next(each.fn for each in harness.service.routes if each.fn.__name__ == "reserve")
    desk: ReservationDesk = handler.__self__.desk
    return desk


@pytest.fixture
def nobody(client: AsyncClient) -> ApiClient:
    return ApiClient(client, {})


async def test_a_full_desk_refuses_unread_and_everything_else_goes_on(
    kim: ApiClient, nobody: ApiClient, desk: ReservationDesk
) -> None:
    made = await post_reservation(kim, {"bikeId": 1}, Idempotency_Key="first")
    desk.limiter = Limiter(1, queue=0)
    one = f"/reservations/{made.json()['reserveId']}"

    async with desk.limiter.place():
        refused = [await ask(person, "POST /reservations", b"{") for person in (kim, nobody)]
        replayed = await ask(kim, "POST /reservations", {"bikeId": 1}, Idempotency_Key="first")
        read = await ask(kim, f"GET {one}")
        cancelled = await ask(kim, f"DELETE {one}")
        health = await ask(nobody, "GET /readyz")

    assert [answer.status_code for answer in refused] == [503, 503]
    assert {answer.json()["type"] for answer in refused} == {"/problems/overloaded"}
    assert all(1 <= int(answer.headers["Retry-After"]) <= 5 for answer in refused)
    assert (replayed.status_code, replayed.content) == (201, made.content)
    assert [read.status_code, cancelled.status_code, health.status_code] == [200, 200, 200]
    after = [await ask(person, "POST /reservations", b"{") for person in (kim, nobody)]
    assert [answer.status_code for answer in after] == [400, 401]


async def test_an_open_breaker_refuses_unread_and_everything_else_goes_on(
    kim: ApiClient, nobody: ApiClient, desk: ReservationDesk, payment: FakePayment
) -> None:
    made = await post_reservation(kim, {"bikeId": 1})
    one = f"/reservations/{made.json()['reserveId']}"
    while desk.breaker.state == "closed":
        async with desk.breaker.permit() as permit:
            permit.failed()
    asked = len(payment.asked)

    refused = [await ask(person, "POST /reservations", b"{") for person in (kim, nobody)]
    others = [await ask(kim, f"{method} {one}") for method in ("GET", "DELETE")]

    assert [answer.status_code for answer in refused] == [503, 503]
    assert len(payment.asked) == asked
    assert [answer.status_code for answer in others] == [200, 200]


async def test_a_request_that_waits_too_long_for_its_batch_is_not_written(
    kim: ApiClient, desk: ReservationDesk, harness: ReservationHarness, monkeypatch: Any
) -> None:
    """The batch before it hangs, as behind a lock."""
    begun, may_go_on = asyncio.Event(), asyncio.Event()
    take = desk._take_pending  # noqa: SLF001 a step in which nothing else can be stopped

    async def slow(requests: Any) -> Any:
        begun.set()
        await may_go_on.wait()
        return await take(requests)

    monkeypatch.setattr(desk._taking, "_work", slow)  # noqa: SLF001
    first = asyncio.create_task(ask(kim, "POST /reservations", {"bikeId": 1}))
    await begun.wait()
    second = asyncio.create_task(ask(kim, "POST /reservations", {"bikeId": 1}))
    await asyncio.sleep(0.7)  # longer than a reservation may take
    may_go_on.set()
    answers = [await first, await second]
    rows, _ = await harness.count_rows()

    assert [answer.status_code for answer in answers] == [503, 503]
    assert answers[1].json()["type"] == "/problems/overloaded"
    assert rows == 1  # of the first, whose batch had begun


async def test_nobody_is_let_in_who_would_be_refused_later(desk: ReservationDesk) -> None:
    """Who is let in and then waits for a place in vain is refused late, after work was done."""
    desk.limiter = Limiter(3)

    desk.admit(working=2)
    with pytest.raises(Overloaded):
        desk.admit(working=3)


@pytest.mark.parametrize(("in_flight", "is_limited"), [(100, True), (0, False)])
async def test_while_reservations_are_slow_fewer_are_let_in_unless_there_is_no_limit(
    in_flight: int, *, is_limited: bool
) -> None:
    chosen = settings("reservation", "sqlite+aiosqlite://") | {"payment_url": "http://payment"}
    service = app.build(app.Settings(**chosen | {"in_flight": in_flight}))
    handler: Any = next(each.fn for each in service.routes if each.fn.__name__ == "reserve")
    desk: ReservationDesk = handler.__self__.desk
    now = 1_000.0
    desk.throughput._clock = lambda: now  # noqa: SLF001

    with ExitStack() as working:
        with desk.throughput.work():
            for _ in range(FEWEST):
                working.enter_context(desk.throughput.work())
            desk.admit(working=FEWEST)
            now += SPAN_SECONDS  # in which one of them was finished, too late

        if is_limited:
            with pytest.raises(Overloaded):
                desk.admit(working=FEWEST)
        else:
            desk.admit(working=1_000)
