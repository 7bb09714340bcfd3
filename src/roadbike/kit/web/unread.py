"""Refusals of requests that are not read: a ready response, before anything else is done for them.

While a hot route refuses everybody, the refusals must leave the processor to the requests that are
worked on. So their response is made once and kept; each has its own trace id and `Retry-After`.
They are logged together, up to LOGGED_TOGETHER of them in a line.
"""

import asyncio
from collections.abc import Callable, Iterable
from http import HTTPStatus
from secrets import token_hex
from typing import Final

import structlog

from roadbike.kit import metrics
from roadbike.kit.pure.refusals import Refusal, Unavailable
from roadbike.kit.pure.retry import spread
from roadbike.kit.trace import trace_id_of, tracing
from roadbike.kit.web.hot import HotRoute, HotRoutes
from roadbike.kit.web.places import Places

LOGGED_TOGETHER: Final = 128
LOG_SECONDS: Final = 1.0
KEPT_RESPONSES: Final = 100
SOME_TRACE: Final = "f" * 32  # stands in a kept response, where each refusal has its own
RETRY_AFTER: Final = b"retry-after"
TRACEPARENT: Final = b"traceparent"
ACCEPT_LANGUAGE: Final = b"accept-language"

Headers = Iterable[tuple[bytes, bytes]]
Render = Callable[[Refusal, str, str | None], tuple[list[tuple[bytes, bytes]], bytes]]
Ready = tuple[bytes, bytes, bytes]  # up to Retry-After, from there to the trace id, after it

log = structlog.get_logger()


class UnreadRefusals:
    """The refusals of the hot routes whose path is fixed.

    render: returns all headers and the body of a refusal's response, for a path and a language.
    """

    def __init__(self, hot: HotRoutes, places: Places, render: Render) -> None:
        self._hot, self._places, self._render = hot, places, render
        self._ready: dict[tuple[str, bytes, bytes], Ready] = {}
        self._traces: dict[tuple[str, str, str], list[str]] = {}

    def response(self, method: bytes, target: bytes, headers: Headers) -> bytes | None:
        """Return the whole response of a request that is refused now; None when it may go on.

        target: path and query. headers: names in lower case.
        """
        hot = self._hot.at(method, target)
        if hot is None:
            return None
        found = dict(headers)
        refusal = self._places.refusal_of(hot, found)
        if refusal is None:
            return None
        trace = trace_id_of(found.get(TRACEPARENT, b"").decode("latin-1")) or token_hex(16)
        self._note(hot, method.decode(), refusal, trace)
        before, between, after = self._ready_for(refusal, target, found.get(ACCEPT_LANGUAGE, b""))
        retry = spread(refusal.retry_after or 0)
        return b"%b%d%b%b%b" % (before, retry, between, trace.encode(), after)

    def _ready_for(self, refusal: Unavailable, target: bytes, language: bytes) -> Ready:
        kept = self._ready.get(key := (refusal.slug, target, language))
        if kept is None:
            if len(self._ready) >= KEPT_RESPONSES:
                self._ready.clear()  # languages are what clients send
            kept = self._made(refusal, target.decode(), language.decode("latin-1"))
            self._ready[key] = kept
        return kept

    def _made(self, refusal: Unavailable, path: str, language: str) -> Ready:
        with tracing(f"00-{SOME_TRACE}-{'f' * 16}-01"):
            headers, body = self._render(refusal, path, language or None)
        lines = [b"%b: %b\r\n" % pair for pair in headers if pair[0] != RETRY_AFTER]
        status = HTTPStatus.SERVICE_UNAVAILABLE
        head = b"HTTP/1.1 %d %b\r\n" % (status, status.phrase.encode())
        begin, end = body.split(SOME_TRACE.encode())
        return b"".join([head, *lines, RETRY_AFTER, b": "]), b"\r\n\r\n" + begin, end

    def _note(self, hot: HotRoute, method: str, refusal: Unavailable, trace: str) -> None:
        metrics.count_request(method, hot.pattern, refusal.status, 0.0)
        metrics.count_refusal(refusal.slug)
        traces = self._traces.setdefault(key := (method, hot.pattern, refusal.slug), [])
        traces.append(trace)
        if len(traces) >= LOGGED_TOGETHER:
            self._log(key)
        elif len(traces) == 1:
            asyncio.get_running_loop().call_later(LOG_SECONDS, self._log, key)

    def _log(self, key: tuple[str, str, str]) -> None:
        if traces := self._traces.pop(key, None):
            method, route, slug = key
            log.info(
                "http.refused_unread",
                method=method,
                route=route,
                status=int(HTTPStatus.SERVICE_UNAVAILABLE),
                refusal=slug,
                count=len(traces),
                traces=traces,
            )
