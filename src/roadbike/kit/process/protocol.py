"""One HTTP connection, as uvicorn serves it, with limits in size and time straight at the port.

The gateway has such limits too, but a service's own port can be reached without it.
"""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import httptools
import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from roadbike.kit import metrics
from roadbike.kit.pure.refusals import BadRequest, Overloaded, Refusal
from roadbike.kit.web.bodies import MAX_BODY_BYTES
from roadbike.kit.web.edge import COMMON_HEADERS, MAX_HEAD_BYTES, Edge, HeadTooLarge

VERSIONS: Final = {"1.0", "1.1"}
MAX_PIPELINED: Final = 16  # requests of one connection that wait for the response before them
RETRY_SECONDS: Final = 1.0
ESCAPED: Final = re.compile(rb"[\x80-\xff]")
FIRST_REQUEST_SECONDS: Final = 0.3  # for a client that has connected at the end of a drain

log = structlog.get_logger()


class _Answered:
    """What stands for uvicorn's cycle of a request when that was answered without one."""

    response_started = response_complete = True
    disconnected = keep_alive = False
    message_event = asyncio.Event()


ANSWERED: Final = _Answered()


class RequestTooSlow(Refusal):
    """The request did not arrive in time."""

    slug = "request-too-slow"
    status = 408


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """connections: open at a time. read_seconds: for a whole request to arrive."""

    connections: int
    read_seconds: float


def limited_protocol(edge: Edge, limits: Limits) -> type["LimitedProtocol"]:
    """Return the protocol class for uvicorn's setting `http`."""
    return type("Limited", (LimitedProtocol,), {"edge": edge, "limits": limits})


class LimitedProtocol(HttpToolsProtocol):
    """A connection whose client has to be as quick, as brief and as exact as `limits` say.

    A request that arrives at once, as nearly all do, costs no timer.
    """

    edge: ClassVar[Edge]
    limits: ClassVar[Limits]
    is_draining: ClassVar[bool] = False  # each connection ends with its next response

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._is_deaf = False  # what still arrives is ignored
        self._is_receiving = True  # a request, or the first one is awaited
        self._is_in_head = False
        self._awaits_line = True  # the next data belong to a request line
        self._has_ended_one = False  # in the data that is parsed now
        self._head_bytes = 0  # of a head that is not complete
        self._dropped_bytes = 0  # of the body of a request that is answered already
        self._timer: asyncio.TimerHandle | None = None  # until the request must have arrived

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            self._refuse(Overloaded(retry_after=RETRY_SECONDS))
        else:
            self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        self._unset_keepalive_if_required()
        self._has_ended_one = False
        if self._awaits_line:
            data = self._in_ascii(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.cycle.keep_alive = False  # the rest would be in a protocol that is not spoken
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse(cause if isinstance(cause, Refusal) else BadRequest())
        else:
            if self._is_receiving:
                self._await_rest(data)
            elif self.cycle.response_complete and self.timeout_keep_alive_task is None:
                self._await_next_request()

    def _in_ascii(self, data: bytes) -> bytes:
        """Escape UTF-8 in a request line, which curl sends unchanged, as browsers do."""
        line, newline, rest = data.partition(b"\n")
        if newline and line.strip():
            self._awaits_line = False
        if line.isascii():
            return data
        return ESCAPED.sub(lambda found: b"%%%02X" % found[0][0], line) + newline + rest

    def on_message_begin(self) -> None:
        self._is_receiving = self._is_in_head = True
        self._head_bytes = self._dropped_bytes = 0
        if self._has_ended_one:
            self._awaits_line = False  # its line came with the request before
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._check_head()
        self._is_in_head = False
        if not self._refuses_unread():
            super().on_headers_complete()
        self.headers = []  # for trailers, so that they are not taken for headers

    def _refuses_unread(self) -> bool:
        """Answer at once if the request is refused whatever is in it; its body is dropped."""
        cycle: Any = self.cycle  # None before the first request
        in_turn = cycle is None or cycle.response_complete
        if self.edge.unread is None or not in_turn or self.expect_100_continue or self.is_draining:
            return False
        if not self.parser.should_keep_alive() or self.parser.should_upgrade():
            return False  # the usual way ends the connection
        response = self.edge.unread.response(self.parser.get_method(), self.url, self.headers)
        if response is None:
            return False
        self.cycle = ANSWERED  # type: ignore[assignment]
        self.server_state.total_requests += 1
        self.transport.write(response)
        return True

    def on_body(self, body: bytes) -> None:
        if self.cycle.response_complete:
            self._dropped_bytes += len(body)
            if self._dropped_bytes > MAX_BODY_BYTES:
                self._close()
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._is_receiving = False
        self._has_ended_one = self._awaits_line = True
        if self._timer is not None and not self.transport.is_closing():
            self._stop_timer()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._close()

    def timeout_keep_alive_handler(self) -> None:
        if self.transport.get_write_buffer_size():
            self.transport.abort()  # the client does not read the last response
        else:
            super().timeout_keep_alive_handler()

    def end_with_response(self) -> None:
        """End the connection with the response that is due, if its head was not sent yet."""
        cycle: Any = self.cycle  # None before the first request
        if cycle is not None and not cycle.response_started and not self.pipeline:
            cycle.keep_alive = False

    def shutdown(self) -> None:
        """Close the connection unless a request is being answered, or is on its way to us."""
        if self.cycle is None:
            self.loop.call_later(FIRST_REQUEST_SECONDS, self._close_if_unused)
        elif not self._is_in_head:
            super().shutdown()

    def _close_if_unused(self) -> None:
        if self.cycle is None and not self._is_in_head:
            self._close()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        """Serve the request, unless too many are served for clients that have hung up."""
        if len(self.tasks) >= self.limits.connections:
            app = self.edge.refusing(Overloaded(retry_after=RETRY_SECONDS))
        if self.is_draining and not self.pipeline:
            cycle.keep_alive = False  # the response says `Connection: close`
        super()._start_asgi_task(cycle, app)

    def _check_head(self) -> None:
        """Raise BadRequest when another program on the way might read the head differently."""
        version = self.parser.get_http_version()
        names = [name for name, _ in self.headers]
        hosts = names.count(b"host")
        if (
            version not in VERSIONS
            or hosts > 1
            or (hosts == 0 and version == "1.1")
            or len(self.pipeline) >= MAX_PIPELINED
        ):
            raise BadRequest
        if b"transfer-encoding" in names:
            codings = [value for name, value in self.headers if name == b"transfer-encoding"]
            if version != "1.1" or [coding.lower() for coding in codings] != [b"chunked"]:
                raise BadRequest
        if self.parser.should_upgrade() and _has_body(self.headers):
            raise BadRequest  # the parser would take its body for the next request

    def _await_rest(self, data: bytes) -> None:
        """Wait for the rest of a request, of which this is the last data."""
        if self._is_in_head:
            if not self._has_ended_one:  # else a part of it belongs to the request before
                self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(HeadTooLarge())
                return
            if self.url and not self.headers and data.endswith(b"\n") and self._has_no_version():
                self._refuse(BadRequest())  # HTTP/0.9, whose heads end here
                return
        else:
            self.headers.clear()  # trailers
        if self._timer is None:
            self._start_timer()

    def _has_no_version(self) -> bool:
        return self.parser.get_http_version() not in VERSIONS

    def _await_next_request(self) -> None:
        """Start the keep-alive timer, which uvicorn does only at the end of a response."""
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(self.limits.read_seconds, self._time_out)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _time_out(self) -> None:
        self._timer = None
        if self.flow.read_paused:
            self._start_timer()  # it is us who do not read on
        elif self.cycle is None and not self._is_in_head:
            self._close()  # not a single request
        else:
            self._refuse(RequestTooSlow())

    def _refuse(self, refusal: Refusal) -> None:
        """Answer with the refusal where a response is due, and close the connection."""
        log.info("http.refused", status=refusal.status, refusal=refusal.slug)
        metrics.count_refusal(refusal.slug)
        self._is_deaf = True
        cycle: Any = self.cycle  # None before the first request
        if cycle is None or (self._is_in_head and cycle.response_complete):
            self._answer(refusal)
        elif self._is_receiving and not self._is_in_head:  # the fault is in the body
            if not cycle.response_started and not self.pipeline:
                self._answer(refusal)
            cycle.disconnected = True  # its handler shall not wait for the rest
            cycle.message_event.set()
        elif not cycle.response_complete:
            cycle.keep_alive = False  # earlier requests are answered first
            self._stop_timer()
            return
        self._close()

    def _answer(self, refusal: Refusal) -> None:
        headers, body = self.edge.problem(refusal)
        lines = [name + b": " + value + b"\r\n" for name, value in (*headers, *COMMON_HEADERS)]
        head = b"".join([STATUS_LINE[refusal.status], *lines, b"connection: close\r\n\r\n"])
        self.transport.write(head + body)

    def _close(self) -> None:
        """Close the connection; cut it when the client does not read what is left to send."""
        self._stop_timer()
        self._timer = self.loop.call_later(self.limits.read_seconds, self.transport.abort)
        self.transport.close()


def _has_body(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0"))
        for name, value in headers
    )
