"""Sends requests at a fixed rate, whatever was answered, with little work for each.

A load that takes much of the processor leaves less of it to the shop that it measures. So requests
are bytes that are ready except for their key, responses are searched and not parsed, and a request
has no task and no timer of its own. All of it runs in the event loop of one process.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final, cast

import msgspec

from roadbike.ops.drills.answers import LATE, LOST, Answer

TICK_SECONDS: Final = 0.002
LOOK_SECONDS: Final = 0.1  # between two looks for answers that are late
CREATED: Final = 201
STATUS: Final = slice(9, 12)  # of HTTP/1.1 201
HEAD_END: Final = b"\r\n\r\n"
LENGTH: Final = b"\r\ncontent-length: "
RETRY: Final = b"\r\nretry-after: "
CLOSES: Final = b"\r\nconnection: close"
PROBLEM: Final = b"/problems/"


class Created(msgspec.Struct, frozen=True):
    """The one field of a created resource that is reported."""

    reserve_id: str = msgspec.field(name="reserveId", default="")


class Sent(msgspec.Struct):
    """A request under way. due: when it was to be sent, by the monotonic clock. at: when it was."""

    due: float
    call: int
    user: int
    key: str
    request: bytes
    at: float = 0.0


class Line(asyncio.Protocol):
    """One connection, with at most one request under way."""

    def __init__(self, loop: "OpenLoop") -> None:
        self.sent: Sent | None = None
        self._loop, self._data = loop, b""
        self._transport: asyncio.Transport | None = None

    def send(self, sent: Sent) -> None:
        assert self._transport is not None
        self.sent, sent.at = sent, time.monotonic()
        self._transport.write(sent.request)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by isinstance
        self._loop.is_free(self)

    def connection_lost(self, _error: Exception | None) -> None:
        self._loop.is_gone(self)

    def data_received(self, data: bytes) -> None:
        self._data = data = self._data + data if self._data else data
        end = data.find(HEAD_END)
        if end < 0:
            return
        head = data[:end].lower()
        at = head.find(LENGTH)
        length = int(head[at + len(LENGTH) :].split(b"\r", 1)[0]) if at >= 0 else 0
        begin = end + len(HEAD_END)
        if len(data) < begin + length:
            return
        self._data = data[begin + length :]
        status, body = int(head[STATUS]), data[begin : begin + length]
        sent, self.sent = self.sent, None
        if sent is not None:
            found = reserve_id_of(body) if status == CREATED else ""
            why = "" if status == CREATED else reason_of(body)
            self._loop.answered(sent, status, retry=RETRY in head, found=found, why=why)
        if CLOSES in head:
            self.close()
        else:
            self._loop.is_free(self)


class OpenLoop:
    """Sends `rate` requests a second over at most `most` connections.

    make: returns the request with that number, due then. connect: opens a connection with a new
    protocol. note: called with each answer.
    timeout: seconds from when a request is due until it counts as LATE.
    """

    def __init__(
        self,
        make: Callable[[int, float], Sent],
        connect: Callable[[Callable[[], Line]], asyncio.Future[object]],
        *,
        note: Callable[[Answer], None],
        rate: float,
        most: int,
        timeout: float,
    ) -> None:
        self._make, self._connect, self._note = make, connect, note
        self._number = 0
        self._rate, self._most, self._timeout = rate, most, timeout
        self._lines: set[Line] = set()
        self._free: list[Line] = []
        self._opening = 0
        self._waiting: deque[Sent] = deque()

    @property
    def under_way(self) -> int:
        """Return how many requests have no answer yet."""
        return len(self._waiting) + sum(line.sent is not None for line in self._lines)

    async def run(self, is_over: Callable[[], bool]) -> None:
        """Send until it is over, and wait for the last answers."""
        begin = looked = time.monotonic()
        while not is_over():
            now = time.monotonic()
            while (due := begin + self._number / self._rate) <= now and not is_over():
                self._send(self._make(self._number, due))
                self._number += 1
            if now - looked > LOOK_SECONDS:
                looked = now
                self._drop_late(now)
            await asyncio.sleep(TICK_SECONDS)
        while self.under_way:
            self._drop_late(time.monotonic())
            await asyncio.sleep(LOOK_SECONDS / 10)
        for line in list(self._lines):
            line.close()

    def is_free(self, line: Line) -> None:
        """Send the next request that waits on this connection, or keep it for one."""
        if line not in self._lines:
            self._lines.add(line)
            self._opening -= 1
        if self._waiting:
            line.send(self._waiting.popleft())
        else:
            self._free.append(line)

    def is_gone(self, line: Line) -> None:
        """Forget the connection; its request has no answer."""
        self._lines.discard(line)
        if line in self._free:
            self._free.remove(line)
        if (sent := line.sent) is not None:
            line.sent = None
            self.answered(sent, LOST)

    def answered(
        self, sent: Sent, status: int, *, retry: bool = False, found: str = "", why: str = ""
    ) -> None:
        """Note the answer to a request."""
        ms = (time.monotonic() - sent.due) * 1000
        waited = (sent.at - sent.due) * 1000 if sent.at else ms
        who = sent.call, sent.user, sent.key
        self._note(Answer(sent.due, ms, status, retry, *who, found, why, waited))

    def _send(self, sent: Sent) -> None:
        if self._free:
            self._free.pop().send(sent)
            return
        self._waiting.append(sent)
        if len(self._lines) + self._opening < self._most and self._opening < len(self._waiting):
            self._opening += 1
            self._connect(lambda: Line(self)).add_done_callback(self._connected)

    def _connected(self, connecting: "asyncio.Future[object]") -> None:
        if connecting.exception() is None:
            return
        self._opening -= 1
        if self._waiting:
            self.answered(self._waiting.popleft(), LOST)

    def _drop_late(self, now: float) -> None:
        limit = now - self._timeout
        while self._waiting and self._waiting[0].due < limit:
            self.answered(self._waiting.popleft(), LATE)
        for line in list(self._lines):
            if line.sent is not None and line.sent.due < limit:
                sent, line.sent = line.sent, None
                self.answered(sent, LATE)
                line.close()  # its answer may still come


def reserve_id_of(body: bytes) -> str:
    """Return the reserveId of a created resource; empty when there is none."""
    try:
        return msgspec.json.decode(body, type=Created).reserve_id
    except msgspec.DecodeError:
        return ""


def reason_of(body: bytes) -> str:
    """Return the last part of a problem's type; empty when the body is not a problem document."""
    _, begins, rest = body.partition(PROBLEM)
    return rest.split(b'"', 1)[0].decode(errors="replace") if begins else ""
