"""Puts load on a gateway, from a process of its own.

`python -m roadbike.ops.drills.load` reads a Plan as one line of JSON. It writes what was answered
as it comes, a line of JSON for each list of answers, until the plan is done or its input ends.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec
import uvloop

from roadbike.ops.drills.answers import LATE, LOST, Answer
from roadbike.ops.drills.connection import Connection, Reply, connected
from roadbike.ops.drills.open_loop import Line, OpenLoop, Sent, reason_of, reserve_id_of

REPORT_SECONDS: Final = 0.1
RECONNECT_SECONDS: Final = 0.05
CREATED: Final = 201
FIRST_ERROR: Final = 400
SOME_KEY: Final = "the-key-stands-here"
HTTPS_PORT: Final = 443
HTTP_PORT: Final = 80


class Call(msgspec.Struct, frozen=True):
    """One kind of request. A POST has an Idempotency-Key of its own each time."""

    method: str
    path: str
    body: str = ""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to send, and how long.

    url: of the gateway. calls: are sent in turn. tokens: of the users, who send in turn.
    connections: that are open at the same time at most; in a closed loop each sends its next
    request when the last was answered.
    rate: requests per second that are due whatever was answered (an open loop); 0 is a closed one.
    seconds, at_most: whichever comes first ends it; at_most 0 is no limit.
    pause: seconds between an answer and the next request on that connection (closed loop).
    timeout: seconds from when a request is due to when it counts as LATE.
    """

    url: str
    calls: list[Call]
    tokens: list[str]
    connections: int
    rate: float = 0.0
    seconds: float
    at_most: int = 0
    pause: float = 0.0
    timeout: float = 10.0


class Sender:
    """Sends the requests of one plan and collects the answers."""

    def __init__(self, plan: Plan, stop: asyncio.Event) -> None:
        self.answers: list[Answer] = []
        self._plan, self._stop = plan, stop
        self._begin = time.monotonic()
        self._number = 0
        address = urlsplit(plan.url)
        self._name, self._host = address.netloc, str(address.hostname)
        self._tls = address.scheme == "https"
        self._port = address.port or (HTTPS_PORT if self._tls else HTTP_PORT)
        self._idle: list[Connection] = []
        self._run = uuid4().hex  # begins the keys of an open loop
        self._ready: dict[tuple[int, int], tuple[bytes, bytes, bytes]] = {}

    async def send_all(self) -> None:
        """Send until the plan is done or stopped, and wait for the last answers."""
        if self._plan.rate:
            await self._at_the_rate()
        else:
            await asyncio.gather(*(self._in_a_loop() for _ in range(self._plan.connections)))
        for connection in self._idle:
            connection.close()

    @property
    def _is_over(self) -> bool:
        enough = self._plan.at_most and self._number >= self._plan.at_most
        late = time.monotonic() >= self._begin + self._plan.seconds
        return self._stop.is_set() or late or bool(enough)

    async def _in_a_loop(self) -> None:
        while not self._is_over:
            number, self._number = self._number, self._number + 1
            status = await self._one(number, time.monotonic())
            pause = max(self._plan.pause, RECONNECT_SECONDS) if status == LOST else self._plan.pause
            if pause:
                await asyncio.sleep(pause)

    async def _at_the_rate(self) -> None:
        loop = asyncio.get_running_loop()

        def connect(protocol: Callable[[], Line]) -> "asyncio.Future[object]":
            return asyncio.ensure_future(
                loop.create_connection(protocol, self._host, self._port, ssl=self._tls or None)
            )

        open_loop = OpenLoop(
            self._due,
            connect,
            note=self._note,
            rate=self._plan.rate,
            most=self._plan.connections,
            timeout=self._plan.timeout,
        )
        await open_loop.run(lambda: self._is_over)

    def _note(self, answer: Answer) -> None:
        self.answers.append(answer)  # the list of now: the others are reported

    def _due(self, number: int, due: float) -> Sent:
        self._number = number + 1
        index, user = number % len(self._plan.calls), self._user(number)
        key = f"{self._run}-{number}" if self._plan.calls[index].method == "POST" else ""
        ready = self._ready.get(place := (index, user))
        if ready is None:
            request = self._request(self._plan.calls[index], user, SOME_KEY if key else "")
            ready = self._ready[place] = request.partition(SOME_KEY.encode())
        before, _, after = ready
        return Sent(due, index, user, key, before + key.encode() + after)

    async def _one(self, number: int, due: float) -> int:
        """Send one request and note its answer; return its status."""
        index, user = number % len(self._plan.calls), self._user(number)
        call = self._plan.calls[index]
        key = str(uuid4()) if call.method == "POST" else ""
        left = due + self._plan.timeout - time.monotonic()
        try:
            async with asyncio.timeout(left):
                reply = await self._exchange(self._request(call, user, key))
        except TimeoutError:
            reply = Reply(LATE, {}, b"")
        except OSError:
            reply = Reply(LOST, {}, b"")
        ms = (time.monotonic() - due) * 1000
        retry = b"retry-after" in reply.headers
        found, why = _found(reply), "" if reply.status < FIRST_ERROR else reason_of(reply.body)
        self.answers.append(Answer(due, ms, reply.status, retry, index, user, key, found, why))
        return reply.status

    def _user(self, number: int) -> int:
        """Return the next user: each sends every call once before the next one does."""
        return number // len(self._plan.calls) % len(self._plan.tokens)

    async def _exchange(self, request: bytes) -> Reply:
        connection = self._usable() or await connected(self._host, self._port, tls=self._tls)
        try:
            reply = await connection.exchange(request)
        except BaseException:
            connection.close()  # its reply may still come
            raise
        if connection.usable:
            self._idle.append(connection)
        return reply

    def _usable(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
        return None

    def _request(self, call: Call, user: int, key: str) -> bytes:
        content = call.body.encode()
        headers = {"Host": self._name, "Authorization": f"Bearer {self._plan.tokens[user]}"}
        if key:
            headers["Idempotency-Key"] = key
        if content:
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
        lines = (f"{name}: {value}" for name, value in headers.items())
        head = "\r\n".join((f"{call.method} {call.path} HTTP/1.1", *lines, "", ""))
        return head.encode() + content


def _found(reply: Reply) -> str:
    return reserve_id_of(reply.body) if reply.status == CREATED else ""


async def put(plan: Plan, stop: asyncio.Event, report: Callable[[list[Answer]], None]) -> None:
    """Send what the plan says, and report the answers several times a second."""
    sender = Sender(plan, stop)
    sending = asyncio.create_task(sender.send_all())
    while not sending.done():
        await asyncio.wait([sending], timeout=REPORT_SECONDS)
        answers, sender.answers = sender.answers, []
        report(answers)
    await sending


async def _run(plan: Plan) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    end_of_input = sys.stdin.fileno()

    def stops() -> None:
        loop.remove_reader(end_of_input)
        stop.set()

    loop.add_reader(end_of_input, stops)
    await put(plan, stop, _write)


def _write(answers: list[Answer]) -> None:
    if answers:
        sys.stdout.buffer.write(msgspec.json.encode(answers) + b"\n")
        sys.stdout.buffer.flush()


def main() -> int:
    plan = msgspec.json.decode(sys.stdin.buffer.readline(), type=Plan)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(plan))
    return 0


if __name__ == "__main__":
    sys.exit(main())
