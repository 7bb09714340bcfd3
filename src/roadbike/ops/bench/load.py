"""Puts load on a service, from a process of its own, so that its CPU is not counted as the shop's.

`python -m roadbike.ops.bench.load` reads a Plan as JSON and writes a Loaded as JSON. The loop is
closed: each connection is kept, and sends its next request when the last one was answered.
"""

import asyncio
import json
import sys
import time
from array import array
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Final, Literal, cast

import httptools
import msgspec
import uvloop

from roadbike.ops.journal import Journal, Line, digest

LAST_ANSWERS_SECONDS: Final = 30.0  # for the requests under way at the end
RECONNECT_SECONDS: Final = 0.05

Work = Literal["one", "purchase"]
Reply = tuple[int, bytes]  # status and body
Exchange = tuple[float, float, bytes, int, bytes]  # when it began and ended; request line; reply
Steps = Generator[bytes, Reply, None]  # yields requests; is sent their replies


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to send, and how long.

    work: "one" repeats the request; "purchase" pays what it reserved, so the address has to be
    that of the gateway. user: whose token the headers have. journal: the file in which requests
    that change something are noted at the end, and their answers; empty for none.
    warm_up, seconds: what is answered in the warm-up is not measured.
    """

    host: str
    port: int
    connections: int
    warm_up: float
    seconds: float
    work: Work = "one"
    method: str = "GET"
    path: str
    headers: dict[str, str] = {}
    body: str = ""
    user: str = ""
    journal: str = ""


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What was answered. latencies: milliseconds of a whole piece of work, p50, p95 and p99.

    done: pieces of work that succeeded within the measured seconds; done_in_all: with those before
    and after. statuses: of all replies. lost: connections that ended without a reply.
    cpu: seconds of CPU that the load itself took.
    """

    done: int
    done_in_all: int
    seconds: float
    p50: float
    p95: float
    p99: float
    statuses: dict[str, int]
    lost: int
    cpu: float

    @property
    def rate(self) -> float:
        return self.done / self.seconds

    @property
    def failed(self) -> int:
        good = sum(n for status, n in self.statuses.items() if status.startswith("2"))
        return sum(self.statuses.values()) - good + self.lost


class Run:
    """What all connections share: the plan, the clock and what was counted."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.begin = time.perf_counter() + plan.warm_up
        self.end = self.begin + plan.seconds
        self.latencies = array("d")
        self.statuses: Counter[int] = Counter()
        self.done_in_all = self.lost = 0
        self.exchanges: list[Exchange] = []

    @property
    def is_over(self) -> bool:
        return time.perf_counter() >= self.end

    def done(self, began: float) -> None:
        now = time.perf_counter()
        self.done_in_all += 1
        if self.begin <= now < self.end:
            self.latencies.append((now - began) * 1000)

    def write_journal(self) -> None:
        if not self.plan.journal:
            return
        with Journal(Path(self.plan.journal)) as journal:
            for began, ended, head, status, body in self.exchanges:
                method, path, _ = head.decode().split(" ", 2)
                about = json.loads(body) if body else {}
                line = Line(
                    user_id=self.plan.user,
                    method=method,
                    path=path,
                    began=datetime.fromtimestamp(began, UTC),
                    ended=datetime.fromtimestamp(ended, UTC),
                    status=status,
                    id=about.get("reserveId") or about.get("payId"),
                    body=digest(body),
                )
                journal.write(line)

    def loaded(self) -> Loaded:
        ordered = sorted(self.latencies)
        p50, p95, p99 = (_share(ordered, share) for share in (0.5, 0.95, 0.99))
        return Loaded(
            done=len(ordered),
            done_in_all=self.done_in_all,
            seconds=self.plan.seconds,
            p50=p50,
            p95=p95,
            p99=p99,
            statuses={str(status): number for status, number in self.statuses.items()},
            lost=self.lost,
            cpu=time.process_time(),
        )


class Connection(asyncio.Protocol):
    """One connection; `ended` is set when it is closed."""

    def __init__(self, run: Run, work: Callable[[Run], Steps]) -> None:
        self.ended = asyncio.Event()
        self._run, self._work = run, work
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._body = b""
        self._waits = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by isinstance
        self._begin()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, _error: Exception | None) -> None:
        self._run.lost += self._waits
        if self._waits:
            self._note(0, b"")
        self.ended.set()

    def on_body(self, part: bytes) -> None:
        self._body += part

    def on_message_complete(self) -> None:
        status, body = self._parser.get_status_code(), self._body
        keep = self._parser.should_keep_alive()
        self._parser, self._body, self._waits = httptools.HttpResponseParser(self), b"", False
        self._run.statuses[status] += 1
        self._note(status, body)
        try:
            request = self._steps.send((status, body))
        except StopIteration:
            if status < HTTPStatus.BAD_REQUEST:
                self._run.done(self._began)
            if keep and not self._run.is_over:
                self._begin()
                return
        else:
            if keep:
                self._send(request)
                return
        self._close()

    def _begin(self) -> None:
        self._steps, self._began = self._work(self._run), time.perf_counter()
        self._send(next(self._steps))

    def _send(self, request: bytes) -> None:
        assert self._transport is not None
        self._waits = True
        self._request, self._sent = request, time.time()
        self._transport.write(request)

    def _note(self, status: int, body: bytes) -> None:
        if self._run.plan.journal and not self._request.startswith(b"GET"):
            head = self._request.partition(b"\r\n")[0]
            self._run.exchanges.append((self._sent, time.time(), head, status, body))

    def _close(self) -> None:
        assert self._transport is not None
        self._transport.close()


def one(run: Run) -> Steps:
    plan = run.plan
    yield request(plan, plan.method, plan.path, plan.body)


def purchase(run: Run) -> Steps:
    """Reserve, look up the payment that was opened, and pay it. A step that fails ends it."""
    plan = run.plan
    status, body = yield request(plan, "POST", "/reservations", plan.body)
    if status != HTTPStatus.CREATED:
        return
    reserve_id = json.loads(body)["reserveId"]
    status, body = yield request(plan, "GET", f"/payments?reserveId={reserve_id}")
    if status != HTTPStatus.OK:
        return
    (payment,) = json.loads(body)["_embedded"]["payments"]
    paid = json.dumps({"payStatus": "결제완료"})
    yield request(plan, "PATCH", f"/payments/{payment['payId']}", paid)


WORKS: Final[Mapping[str, Callable[[Run], Steps]]] = {"one": one, "purchase": purchase}


def request(plan: Plan, method: str, path: str, body: str = "") -> bytes:
    content = body.encode()
    headers = {"Host": f"{plan.host}:{plan.port}", **plan.headers}
    if content:
        headers |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join((*lines, "", "")).encode() + content


def _share(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


async def _keep_connected(run: Run) -> None:
    loop = asyncio.get_running_loop()
    while not run.is_over:
        try:
            _, connection = await loop.create_connection(
                lambda: Connection(run, WORKS[run.plan.work]), run.plan.host, run.plan.port
            )
        except OSError:
            run.lost += 1
        else:
            await connection.ended.wait()
        if not run.is_over:
            await asyncio.sleep(RECONNECT_SECONDS)


async def put(plan: Plan) -> Loaded:
    """Run the plan. Raises TimeoutError when a request is not answered long after its end."""
    run = Run(plan)
    async with asyncio.timeout(plan.warm_up + plan.seconds + LAST_ANSWERS_SECONDS):
        await asyncio.gather(*(_keep_connected(run) for _ in range(plan.connections)))
    loaded = run.loaded()
    run.write_journal()  # after the CPU of the load was read
    return loaded


def main() -> int:
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.stdout.buffer.write(msgspec.json.encode(runner.run(put(plan))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
