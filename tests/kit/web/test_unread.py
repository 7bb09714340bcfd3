"""A refusal that is not read is the response that the app gives, and the connection goes on."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from roadbike.kit.pure.refusals import Overloaded, Unavailable
from roadbike.kit.resilience.breaker import OpenCircuit
from roadbike.kit.web.bodies import MAX_BODY_BYTES
from tests.kit.web.ports import GET as PROBE
from tests.kit.web.ports import READ_SECONDS, Port, served, until

TRACE = "0af7651916cd43dd8448eb211c80319c"
BODY = '{"thingNm": "bell"}'
LIVE = '{"live":true}'


def request(*headers: str, line: str = "POST /keys", body: str = BODY) -> bytes:
    own = (f"{line} HTTP/1.1", "Host: a", f"Content-Length: {len(body)}", *headers)
    return ("\r\n".join([*own, "", ""]) + body).encode()


@pytest.fixture
async def port(app: Any, api: Any) -> AsyncIterator[Port]:
    api.refusal = Overloaded(retry_after=1)
    async with served(app) as port:
        yield port


async def answered(port: Port, sent: bytes) -> str:
    async with await port.connect() as line:
        await line.send(sent)
        return await line.response()


def comparable(response: str) -> tuple[set[str], str]:
    """Return the lines of the head and the body, without what differs from refusal to refusal."""
    head, _, body = response.partition("\r\n\r\n")
    lines = {line for line in head.split("\r\n") if not line.startswith(("retry-after:", "date:"))}
    return lines, re.sub("[0-9a-f]{32}", "trace", body)


@pytest.mark.parametrize("language", ["ko", "en-US,en;q=0.9", "xx", ""])
@pytest.mark.parametrize("refusal", [Overloaded(retry_after=1), OpenCircuit(retry_after=4.2)])
async def test_it_is_the_response_that_the_app_gives(
    port: Port,
    app: Any,
    api: Any,
    refusal: Unavailable,
    language: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api.refusal = refusal
    asked = request(*([f"Accept-Language: {language}"] if language else []))

    unread = [await answered(port, asked) for _ in range(2)]
    monkeypatch.setattr(app, "unread", None)
    by_the_app = await answered(port, asked)

    assert [comparable(each) for each in unread] == [comparable(by_the_app)] * 2


async def test_each_refusal_has_its_own_trace_and_retry_after(port: Port) -> None:
    refused = [await answered(port, request()) for _ in range(40)]
    traced = await answered(port, request(f"traceparent: 00-{TRACE}-00f067aa0ba902b7-01"))
    broken = await answered(port, request("traceparent: 00-nothing-01"))

    traces = [re.search('"traceid":"([0-9a-f]{32})"', each.lower()) for each in refused]
    assert len({found[1] for found in traces if found}) == 40
    assert f'"traceId":"{TRACE}"' in traced
    assert re.search('"traceId":"[0-9a-f]{32}"', broken)
    seconds = {int(each.partition("retry-after: ")[2].partition("\r\n")[0]) for each in refused}
    assert seconds <= {1, 2, 3, 4, 5}
    assert len(seconds) > 1


async def test_the_connection_goes_on_and_the_body_is_dropped(port: Port) -> None:
    async with await port.connect() as line:
        for _ in range(3):
            await line.send(request())
            assert (await line.response()).startswith("http/1.1 503 ")
        await line.send(PROBE)
        alive = await line.response()

    assert alive.endswith(LIVE)


async def test_a_connection_outlives_any_number_of_bodies(port: Port) -> None:
    large = "x" * (MAX_BODY_BYTES // 2)

    async with await port.connect() as line:
        for _ in range(5):
            await line.send(request(body=large))
            assert (await line.response()).startswith("http/1.1 503 ")
        await line.send(PROBE)
        alive = await line.response()

    assert alive.endswith(LIVE)


async def test_requests_that_come_together_are_answered_in_their_order(port: Port) -> None:
    async with await port.connect() as line:
        await line.send(request() + PROBE + request() + PROBE)
        answers = [(await line.response())[9:12] for _ in range(4)]

    assert answers == ["503", "200", "503", "200"]


async def test_a_body_that_never_ends_closes_the_connection(port: Port) -> None:
    head = request(body="").replace(b"Content-Length: 0", b"Content-Length: 100")

    async with await port.connect() as line:
        answer = await line.ask(head)

    assert answer.startswith("HTTP/1.1 503 ")
    assert answer.count("HTTP/1.1") == 1
    assert READ_SECONDS < 1  # else the test would wait for long


async def test_who_closes_or_waits_for_a_100_is_answered_by_the_app(port: Port) -> None:
    async with await port.connect() as line:
        closing = await line.ask(request("Connection: close"))
    expecting = await answered(port, request("Expect: 100-continue"))
    with_query = await answered(port, request(line="POST /keys?a=1"))

    assert closing.startswith("HTTP/1.1 503 ")
    assert "connection: close" in closing
    assert expecting.startswith("http/1.1 503 ")
    assert with_query.startswith("http/1.1 503 ")


async def test_idle_connections_are_closed_as_after_any_response(app: Any, api: Any) -> None:
    api.refusal = Overloaded(retry_after=1)
    async with served(app, keep_alive=0.2) as port, await port.connect() as line:
        await line.send(request())
        assert (await line.response()).startswith("http/1.1 503 ")

        assert await line.rest() == ""


async def test_they_are_logged_together_and_counted(port: Port, app: Any) -> None:
    traceparent = f"traceparent: 00-{TRACE}-00f067aa0ba902b7-01"
    before = app.places.refused["hot"]
    with capture_logs() as logs:
        for headers in ([traceparent], [], []):
            await answered(port, request(*headers, line="POST /things"))
        await until(lambda: any(line["route"] == "/things" for line in logs))

    (line,) = (line for line in logs if line["route"] == "/things")
    assert line["event"] == "http.refused_unread"
    assert (line["method"], line["status"]) == ("POST", 503)
    assert (line["refusal"], line["count"]) == ("overloaded", 3)
    assert line["traces"][0] == TRACE
    assert app.places.refused["hot"] == before + 3
