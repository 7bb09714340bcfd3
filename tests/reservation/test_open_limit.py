"""One buyer may have so many open reservations: here 5, by the terms or by the setting."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

import pytest
from httpx import AsyncClient

from roadbike.contracts.events import DeliveryStarted, StockShort
from roadbike.contracts.reasons import Reason
from roadbike.reservation import app
from roadbike.reservation.domain import TooManyOpenReservations, check_open
from roadbike.reservation.use_cases.cancel import cancel_reservation
from tests.purchase_events import Story
from tests.reservation.builders import TERMS, a_request, bike_changed, stock_answer
from tests.reservation.fake_payment import FakePayment
from tests.reservation.http import ask
from tests.reservation.service_harness import ReservationHarness, slugs
from tests.service_harness import ApiClient, api_client, http_client, settings

LIMIT: Final = 5
REFUSED: Final = TooManyOpenReservations.slug
LIMITED: Final = replace(TERMS, max_open=LIMIT)


async def take(harness: ReservationHarness, times: int, **fields: Any) -> list[Any]:
    return await harness.take_pending(*[a_request(**fields) for _ in range(times)], terms=LIMITED)


@pytest.fixture(autouse=True)
async def units(harness: ReservationHarness) -> None:
    """Twenty units of each of three bikes."""
    await harness.consume(
        *[bike_changed(bike_id=number, free=20, free_seq=2) for number in (1, 2, 3)]
    )


@pytest.mark.parametrize(
    ("open_", "limit", "allowed"), [(0, 5, True), (4, 5, True), (5, 5, False), (99, 0, True)]
)
def test_a_buyer_may_have_as_many_as_the_limit(open_: int, limit: int, *, allowed: bool) -> None:
    if allowed:
        check_open(open_, limit)
        return
    with pytest.raises(TooManyOpenReservations):
        check_open(open_, limit)


async def test_of_one_batch_exactly_the_limit_is_taken_and_the_rest_leaves_nothing(
    harness: ReservationHarness,
) -> None:
    requests = [a_request(f"key {number}") for number in range(20)]
    requests.append(a_request(user_id="lee"))

    results = await harness.take_pending(*requests, terms=LIMITED)

    assert slugs(results) == ["taken"] * LIMIT + [REFUSED] * 15 + ["taken"]
    assert await harness.count_rows() == (LIMIT + 1, LIMIT)
    assert (await harness.bike()).unanswered == LIMIT + 1


async def test_twenty_at_once_on_two_replicas_and_three_bikes_take_exactly_the_limit(
    harness: ReservationHarness, second: ReservationHarness
) -> None:
    replicas = [harness, second]
    taking = [take(replicas[n % 2], 1, bike_id=1 + n % 3) for n in range(20)]

    results = [result for batch in await asyncio.gather(*taking) for result in batch]

    assert Counter(slugs(results)) == {"taken": LIMIT, REFUSED: 20 - LIMIT}


async def test_what_the_bike_says_comes_before_the_limit(harness: ReservationHarness) -> None:
    await take(harness, LIMIT)

    results = await take(harness, 1, bike_id=99) + await take(harness, 1, seen_price=1)

    assert slugs(results) == ["not-on-sale", "price-changed"]


async def test_a_cancelled_and_a_shipped_one_are_not_open(harness: ReservationHarness) -> None:
    taken = await take(harness, LIMIT)
    await harness.register(*taken[:3])
    assert slugs(await take(harness, 1)) == [REFUSED]  # pending and registered ones count

    await cancel(harness, taken[0].reservation_id)
    await harness.give_up(taken[3])
    await harness.consume(shipped(taken[1].reservation_id))
    short = stock_answer(StockShort, taken[2].reservation_id, free_seq=3, free=20)
    await harness.consume(short)

    assert slugs(await take(harness, 5)) == ["taken"] * 4 + [REFUSED]


async def test_without_a_limit_nothing_is_counted(harness: ReservationHarness) -> None:
    with harness.statements() as asked:
        results = await harness.take_pending(*[a_request() for _ in range(9)])

    assert slugs(results) == ["taken"] * 9
    assert not [statement for statement in asked if "count(" in statement or "lock(" in statement]


@pytest.mark.parametrize("dialect", ["postgresql"])
async def test_a_batch_is_counted_with_one_statement_on_the_index_of_open_ones(
    harness: ReservationHarness,
) -> None:
    buyers = [f"buyer {number}" for number in range(9)]

    with harness.statements() as asked:
        await harness.take_pending(*[a_request(user_id=one) for one in buyers], terms=LIMITED)

    (counting,) = [statement for statement in asked if "count(" in statement]
    assert "reservation_open" in await explained(harness, counting, buyers)


@pytest.mark.parametrize(
    ("env", "chosen", "limit"),
    [("local", None, 0), ("production", None, 5), ("production", 0, 0), ("local", 7, 7)],
)
def test_the_limit_is_off_on_one_machine_and_on_in_production(
    env: Any, chosen: int | None, limit: int
) -> None:
    given = settings("reservation", "sqlite+aiosqlite://") | {"payment_url": "http://payment"}
    chosen_settings = app.Settings(**given, env=env, max_open_reservations=chosen)

    assert app.build(chosen_settings).settings is chosen_settings
    assert chosen_settings.limit(chosen, app.MAX_OPEN_RESERVATIONS) == limit


async def test_twenty_requests_at_once_get_exactly_five_and_a_reason(limited: AsyncClient) -> None:
    kim, lee = api_client(limited, "kim", "buyer"), api_client(limited, "lee", "buyer")

    answers = await asyncio.gather(*(reserve(kim) for _ in range(20)))
    other = await reserve(lee)

    assert Counter(answer.status_code for answer in answers) == {201: LIMIT, 409: 20 - LIMIT}
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["type"] == f"/problems/{REFUSED}"
    assert "5건" in refused.json()["detail"]
    assert other.status_code == 201


@pytest.fixture
async def second(harness: ReservationHarness) -> AsyncIterator[ReservationHarness]:
    """Another replica, on the same database."""
    replica = ReservationHarness(app.build(harness.service.settings))  # type: ignore[arg-type]
    yield replica
    await replica.db.close()


@pytest.fixture
async def limited(harness: ReservationHarness, payment: FakePayment) -> AsyncIterator[AsyncClient]:
    """The real app with ROADBIKE_MAX_OPEN_RESERVATIONS=5."""
    url = harness.service.settings.database_url.reveal()
    chosen = settings("reservation", url) | {"payment_url": payment.url}
    service = app.build(app.Settings(**chosen, max_open_reservations=LIMIT))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(service.db.close)
        for resource in service.resources:
            await stack.enter_async_context(resource)
        yield await stack.enter_async_context(http_client(service))


async def reserve(buyer: ApiClient) -> Any:
    return await ask(buyer, "POST /reservations", {"bikeId": 1})


async def cancel(harness: ReservationHarness, reservation_id: UUID) -> None:
    await harness.db.transact(
        lambda tx: cancel_reservation(tx, reservation_id, Reason.BUYER, by="kim")
    )


def shipped(reservation_id: UUID) -> DeliveryStarted:
    return Story(user_id="kim", reservation_id=reservation_id).started()


async def explained(harness: ReservationHarness, statement: str, buyers: Sequence[str]) -> str:
    """Return PostgreSQL's plan of a statement that was sent to it."""
    async with harness.db.engine.connect() as connection:
        plan = await connection.exec_driver_sql(f"EXPLAIN {statement}", (list(buyers),))
        return str(plan.all())
