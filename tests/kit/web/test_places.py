"""Each kind of request has places of its own, and a refusal costs neither token nor body."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from roadbike.kit.pure.refusals import Overloaded, Unavailable
from roadbike.kit.resilience.lag import SAMPLES, Lag
from roadbike.kit.resilience.limiter import Limiter
from roadbike.kit.web.places import BUSY, Places, everybody
from tests.kit.web.conftest import State, make_app
from tests.kit.web.ports import GET as PROBE
from tests.kit.web.ports import Port, served, until

LAG_MS = 100
FEW = 3  # places for writes


def request(line: str, *headers: str) -> bytes:
    return "\r\n".join([f"{line} HTTP/1.1", "Host: a", *headers, "", ""]).encode()


READ = request("GET /things")
WAITING_READ = request("GET /wait")
WAITING_WRITE = request("POST /wait", "Content-Length: 0")
WRITE = request("DELETE /things/1")  # 401
HOT = request("POST /keys", "Authorization: Bearer buyer", "Content-Length: 0")
KEYED = request("POST /keys", "Authorization: Bearer buyer", "Idempotency-Key: a")
BY_SERVICE = request("GET /internal/caller")  # 401
UNREAD = request("POST /things", "Content-Length: 1000", "Content-Type: application/json")


@pytest.fixture
def lag() -> Lag:
    return Lag()


@pytest.fixture
def state_and_app(lag: Lag) -> tuple[State, Any]:
    """An app of its own for each test: who waits in it waits in one event loop."""
    state, chosen = State(), Places(lag, LAG_MS)
    chosen.writes = Limiter(FEW, queue=0)
    return state, make_app(state, places=chosen)


@pytest.fixture
async def port(app: Any) -> AsyncIterator[Port]:
    async with served(app, read_timeout_seconds=60) as port:
        yield port


async def status(port: Port, sent: bytes) -> int:
    return int((await answered(port, sent)).split(" ")[1])


async def answered(port: Port, sent: bytes) -> str:
    async with await port.connect() as line:
        await line.send(sent)
        return await line.response()


@asynccontextmanager
async def crowd(port: Port, api: Any, sent: bytes, number: int) -> AsyncIterator[None]:
    """As many requests as that are worked on during the block."""
    async with AsyncExitStack() as lines:
        for _ in range(number):
            await (await lines.enter_async_context(await port.connect())).send(sent)
        await until(lambda: api.waiting == number)
        yield
        api.may_go_on.set()
        await until(lambda: api.waiting == 0)


def late(lag: Lag) -> None:
    for _ in range(SAMPLES):
        lag.add(LAG_MS + 1)


async def test_full_places_of_writes_leave_the_others_free(port: Port, api: Any) -> None:
    async with crowd(port, api, WAITING_WRITE, FEW):
        refused = await answered(port, WAITING_WRITE)
        others = [await status(port, sent) for sent in (READ, HOT, PROBE, BY_SERVICE)]

    assert refused.startswith("http/1.1 503 ")
    assert "/problems/overloaded" in refused
    assert others == [200, 200, 200, 401]
    assert await status(port, WRITE) == 401  # the places are free again


async def test_full_places_of_reads_leave_the_others_free(port: Port, api: Any, app: Any) -> None:
    app.places.reads = Limiter(FEW, queue=0)

    async with crowd(port, api, WAITING_READ, FEW):
        refused = await status(port, READ)
        others = [await status(port, sent) for sent in (WRITE, HOT, PROBE, BY_SERVICE)]

    assert refused == 503
    assert others == [401, 200, 200, 401]


@pytest.mark.parametrize("refusal", [Overloaded(retry_after=1), Unavailable(retry_after=1)])
async def test_a_hot_route_that_admits_nobody_leaves_the_others_free(
    port: Port, api: Any, app: Any, refusal: Unavailable
) -> None:
    api.refusal = refusal

    refused = await answered(port, HOT)
    others = [await status(port, sent) for sent in (READ, WRITE, PROBE, BY_SERVICE)]

    assert refused.startswith("http/1.1 503 ")
    assert f"/problems/{refusal.slug}" in refused
    assert "retry-after: " in refused
    assert others == [200, 401, 200, 401]
    assert app.places.refused == {"hot": 1}


async def test_a_refusal_waits_neither_for_the_body_nor_for_the_token(port: Port, api: Any) -> None:
    """The request has no token, and of its body nothing is ever sent."""
    api.refusal = Overloaded(retry_after=1)

    assert await status(port, UNREAD) == 503


async def test_a_request_with_a_key_may_still_get_the_answer_that_it_has(
    port: Port, api: Any, app: Any
) -> None:
    api.refusal = Overloaded(retry_after=1)

    within = await status(port, KEYED)
    app.places.replays.places = Limiter(1, queue=0)
    async with app.places.replays.places.place():
        beyond = await status(port, KEYED)

    assert (within, beyond) == (200, 503)


async def test_a_late_event_loop_refuses_reads_and_hot_requests_while_there_are_many(
    port: Port, api: Any, app: Any, lag: Lag
) -> None:
    app.places.writes = Limiter(BUSY + 1)
    late(lag)

    async with crowd(port, api, WAITING_WRITE, BUSY):
        refused = [await status(port, sent) for sent in (READ, HOT)]
        others = [await status(port, sent) for sent in (WRITE, PROBE, BY_SERVICE)]

    assert refused == [503, 503]
    assert others == [401, 200, 401]
    assert app.places.refused == {"reads": 1, "hot": 1}


async def test_a_late_event_loop_with_few_requests_refuses_nobody(port: Port, lag: Lag) -> None:
    """It is late for another reason, which refusing does not end."""
    late(lag)

    assert [await status(port, sent) for sent in (READ, HOT)] == [200, 200]


async def test_a_hot_route_without_an_admission_has_the_places_of_all_writes(lag: Lag) -> None:
    """To pay is one: it is limited, and a late event loop does not refuse it."""
    places, paying = Places(lag, LAG_MS), Paying()
    places.writes, places.hot = Limiter(1, queue=0), BUSY
    late(lag)

    async with entered(places, "PATCH", paying):
        with pytest.raises(Overloaded):
            async with entered(places, "PATCH", paying):
                pass

    async with entered(places, "PATCH", paying):
        assert places.writes.in_flight == 1


async def test_zero_is_no_limit_of_lag(lag: Lag) -> None:
    never = Places(lag, 0)
    never.hot = BUSY
    late(lag)

    async with asyncio.timeout(10), entered(never, "GET"):
        assert never.reads.in_flight == 1


class Paying:
    admit = staticmethod(everybody)
    working = 0
    pattern = "/payments/{id}"


def entered(chosen: Places, method: str, hot: Paying | None = None) -> Any:
    return chosen.of({"method": method, "path": "/things", "headers": []}, hot)  # type: ignore[typeddict-item]
