"""The outermost ASGI layer: trace, deadline, limits of the head, headers on every response."""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from http import HTTPStatus
from itertools import chain
from typing import Any, Final

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from roadbike.kit.pure.conditions import Precondition
from roadbike.kit.pure.refusals import (
    BadRequest,
    Invalid,
    NotFound,
    PreconditionFailed,
    Refusal,
    Unavailable,
)
from roadbike.kit.resilience.deadline import current_deadline, new_deadline
from roadbike.kit.trace import tracing
from roadbike.kit.translations import Translations, language_of
from roadbike.kit.web.conditions import condition_of, status_of_a_read
from roadbike.kit.web.exceptions import Internal
from roadbike.kit.web.hot import HotRoutes
from roadbike.kit.web.places import Places
from roadbike.kit.web.problems import problem_body, problem_headers
from roadbike.kit.web.report import ResponseHead, note_refusal, report
from roadbike.kit.web.unread import UnreadRefusals

MAX_HEAD_BYTES: Final = 16 * 1024  # the address and all headers
MAX_QUERY_PARAMETERS: Final = 100  # Litestar keeps the parsed queries of 1,024 requests in memory
DEFAULT_LIMIT_MS: Final = 10_000  # a route, or X-Timeout-Ms of a service, may shorten it
COMMON_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
)
FIRST_REDIRECT: Final = 300  # a smaller status is a success
NO_STORE: Final = (b"cache-control", b"no-store")

Headers = list[tuple[bytes, bytes]]

log = structlog.get_logger()


class HeadTooLarge(Refusal):
    """The address and the headers are over the limit."""

    slug = "head-too-large"
    status = 431


class ClientGone(BadRequest):
    """The client closed the connection before its request was complete. Nobody gets the answer."""


class Edge:
    """Wraps an ASGI app, so that all responses, even of failures, have the common headers.

    hot: routes that are called instead of it. places: of the requests that are worked on.
    """

    def __init__(
        self,
        app: ASGIApp,
        translations: Translations,
        hot: HotRoutes | None = None,
        places: Places | None = None,
    ) -> None:
        self.app, self._hot = app, hot
        self._translations = translations
        self.places = places or Places()
        whole = self._whole_problem
        self.unread = None if hot is None else UnreadRefusals(hot, self.places, whole)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; lifespan events pass through."""
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        deadline = current_deadline.set(new_deadline(DEFAULT_LIMIT_MS))
        try:
            with tracing(_header(scope, b"traceparent")):
                await self._serve(scope, receive, send)
        finally:
            current_deadline.reset(deadline)

    async def _serve(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        is_head = scope["method"] == "HEAD"
        if is_head:
            scope = {**scope, "method": "GET"}  # route it as GET; the response drops the body
        response = _Response(scope, send, is_head=is_head)
        try:
            await self._serve_with(scope, receive, response)
        finally:
            report(scope, response.head, "HEAD" if is_head else scope["method"])

    async def _serve_with(self, scope: HTTPScope, receive: Receive, response: "_Response") -> None:
        refusal = _refused_head(scope)
        if refusal is None and scope["method"] == "GET":
            try:
                response.condition = condition_of(scope["headers"])
            except Invalid as error:
                refusal = error
        if refusal:
            await self._refuse(scope, response, refusal)
            return
        try:
            await self._answer(scope, _until_gone(receive), response)
            if response.is_refused:
                response.is_refused = False
                await self._refuse(scope, response, PreconditionFailed())
        except Unavailable as refusal_before_work:
            await self._refuse(scope, response, refusal_before_work)
        except Exception:
            log.exception("http.failed")
            if response.started:
                raise  # part of the response is sent: the server has to close the connection
            await self._refuse(scope, response, Internal())

    async def _answer(self, scope: HTTPScope, receive: Receive, response: "_Response") -> None:
        """Let the app answer, in a place among the requests of its kind.

        Raises Unavailable when the request is refused; neither its token nor its body was read.
        """
        hot = self._hot and self._hot.find(scope["method"], scope["path"])
        app: ASGIApp = hot or self.app
        place = self.places.of(scope, hot or None)
        if place is None:
            await app(scope, receive, response.send)
            return
        async with AsyncExitStack() as held:
            await held.enter_async_context(place)
            response.before_start = held.aclose
            await app(scope, receive, response.send)

    def refusing(self, refusal: Refusal) -> ASGIApp:
        """Return the app that answers every request with the refusal."""

        async def refuse(scope: Scope, _receive: Receive, send: Send) -> None:
            http: HTTPScope = scope  # type: ignore[assignment]
            response = _Response(http, send, is_head=False)
            await self._refuse(http, response, refusal)
            report(http, response.head, http["method"])

        return refuse

    def problem(
        self, refusal: Refusal, *, path: str = "", accept_language: str | None = None
    ) -> tuple[Headers, bytes]:
        """Return the headers, except the common ones, and the body of a refusal's response."""
        language = language_of(accept_language)
        body = problem_body(
            refusal, instance=path, language=language, translations=self._translations
        )
        headers = problem_headers(refusal, language) | {"content-length": str(len(body))}
        return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()], body

    def _whole_problem(
        self, refusal: Refusal, path: str, accept_language: str | None
    ) -> tuple[Headers, bytes]:
        headers, body = self.problem(refusal, path=path, accept_language=accept_language)
        return [*headers, *COMMON_HEADERS], body

    async def _refuse(self, scope: HTTPScope, response: "_Response", refusal: Refusal) -> None:
        note_refusal(scope, refusal)
        headers, body = self.problem(
            refusal, path=scope["path"], accept_language=_header(scope, b"accept-language")
        )
        await response.send(
            {"type": "http.response.start", "status": refusal.status, "headers": headers}
        )
        await response.send({"type": "http.response.body", "body": body, "more_body": False})


class _Response:
    """Adds the common headers to a response, and drops the body of a HEAD and of a 304.

    condition: of a GET, judged when its response has an ETag. is_refused: the response was
    dropped, because it is of another version than the client wants.
    """

    def __init__(self, scope: HTTPScope, send: Send, *, is_head: bool) -> None:
        self.started = False
        self.is_refused = False
        self.condition: Precondition | None = None
        self.before_start: Callable[[], Awaitable[None]] | None = None
        self.head = ResponseHead()
        self._scope = scope
        self._send = send
        self._is_head = is_head

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._judge(message)
            if self.is_refused:
                return
            self.started = True
            if self.before_start:
                await self.before_start()  # a stream of events, too, needs no place from now on
            message["headers"] = [*message["headers"], *COMMON_HEADERS, *self._caching(message)]
            self.head.sent(message["status"], message["headers"])
        elif self.is_refused:
            return
        elif self._is_head and message["type"] == "http.response.body":
            message["body"] = b""
        await self._send(message)

    def _judge(self, message: Any) -> None:
        """Make a response with an ETag a 304, or refuse it, as the request's condition says."""
        condition, self.condition = self.condition, None
        tag = next((value for name, value in message["headers"] if name == b"etag"), None)
        if condition is None or tag is None or message["status"] != HTTPStatus.OK:
            return
        status = status_of_a_read(condition, tag.decode("latin-1"))
        self.is_refused = status == HTTPStatus.PRECONDITION_FAILED
        if status == HTTPStatus.NOT_MODIFIED:
            kept = [pair for pair in message["headers"] if not pair[0].startswith(b"content-")]
            message |= {"status": int(status), "headers": kept}
            self._is_head = True

    def _caching(self, message: Any) -> Iterable[tuple[bytes, bytes]]:
        if any(name == b"cache-control" for name, _ in message["headers"]):
            return ()
        handler: Any = self._scope.get("route_handler")  # missing when no route was found
        is_public = handler is not None and handler.opt.get("public_cache")
        return () if is_public and message["status"] < FIRST_REDIRECT else (NO_STORE,)


def _refused_head(scope: HTTPScope) -> Refusal | None:
    query = scope["query_string"]
    size = len(scope["raw_path"]) + len(query) + len(b"".join(chain(*scope["headers"])))
    if size > MAX_HEAD_BYTES:
        return HeadTooLarge()
    if query.count(b"&") >= MAX_QUERY_PARAMETERS:
        return BadRequest()
    if not scope["path"].isprintable():
        return NotFound()  # no path has control characters, and PostgreSQL refuses NUL
    return None


def _until_gone(receive: Receive) -> Receive:
    """Return a `receive` that raises ClientGone instead of returning `http.disconnect`."""

    async def receive_or_raise() -> Any:
        message = await receive()
        if message["type"] == "http.disconnect":
            log.debug("http.client_gone")
            raise ClientGone
        return message

    return receive_or_raise


def _header(scope: HTTPScope, wanted: bytes) -> str | None:
    """Return the last value of the header."""
    found = [value for name, value in scope["headers"] if name == wanted]
    return found[-1].decode("latin-1") if found else None
