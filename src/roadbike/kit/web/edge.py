"""The outermost layer: trace, deadline, limits of the head, headers on every answer."""

from collections.abc import Iterable
from typing import Any, Final

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from roadbike.kit.pure.refusals import NotFound, Refusal
from roadbike.kit.resilience.deadline import current_deadline, starts_now
from roadbike.kit.trace import tracing
from roadbike.kit.translations import Translations, language_of
from roadbike.kit.web.exceptions import Internal
from roadbike.kit.web.problems import problem_body, problem_headers

LARGEST_HEAD: Final = 16 * 1024
LIMIT_MS: Final = 10_000  # of a request that asks for no shorter one; a route may narrow it
ON_ALL: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
)
REDIRECTS: Final = 300  # below it an answer is a success
NO_STORE: Final = (b"cache-control", b"no-store")

log = structlog.get_logger()


class HeadTooLarge(Refusal):
    """The headers are over the limit."""

    slug = "head-too-large"
    status = 431


class Edge:
    """Wraps an ASGI app; nothing that happens behind it leaves without its headers."""

    def __init__(self, app: ASGIApp, messages: Translations) -> None:
        self.app = app
        self._messages = messages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; lifespan events pass through."""
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        given = _texts(scope["headers"])
        deadline = current_deadline.set(starts_now(LIMIT_MS, given.get(b"x-timeout-ms")))
        try:
            with tracing(given.get(b"traceparent")):
                await self._serve(scope, receive, send)
        finally:
            current_deadline.reset(deadline)

    async def _serve(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        is_head = scope["method"] == "HEAD"
        if is_head:
            scope = {**scope, "method": "GET"}  # routed as GET, answered without a body
        answer = _Answer(scope, send, is_head=is_head)
        if refusal := _refused_head(scope):
            await self._refuse(scope, answer, refusal)
            return
        try:
            await self.app(scope, receive, answer.send)
        except Exception:
            log.exception("http.failed")
            if answer.started:
                raise  # half an answer is out: let the server cut the connection
            await self._refuse(scope, answer, Internal())

    async def _refuse(self, scope: HTTPScope, answer: "_Answer", refusal: Refusal) -> None:
        language = language_of(_texts(scope["headers"]).get(b"accept-language"))
        body = problem_body(
            refusal, instance=scope["path"], language=language, messages=self._messages
        )
        headers = problem_headers(refusal, language) | {"content-length": str(len(body))}
        encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        await answer.send(
            {"type": "http.response.start", "status": refusal.status, "headers": encoded}
        )
        await answer.send({"type": "http.response.body", "body": body, "more_body": False})


class _Answer:
    """Adds what every answer carries; drops the body of a HEAD."""

    def __init__(self, scope: HTTPScope, send: Send, *, is_head: bool) -> None:
        self.started = False
        self._scope = scope
        self._send = send
        self._is_head = is_head

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            message["headers"] = [*message["headers"], *ON_ALL, *self._caching(message)]
        elif self._is_head and message["type"] == "http.response.body":
            message["body"] = b""
        await self._send(message)

    def _caching(self, message: Any) -> Iterable[tuple[bytes, bytes]]:
        if any(name == b"cache-control" for name, _ in message["headers"]):
            return ()
        handler: Any = self._scope.get("route_handler")  # none before it is routed
        is_public = handler is not None and handler.opt.get("public_cache")
        return () if is_public and message["status"] < REDIRECTS else (NO_STORE,)


def _refused_head(scope: HTTPScope) -> Refusal | None:
    if sum(len(name) + len(value) for name, value in scope["headers"]) > LARGEST_HEAD:
        return HeadTooLarge()
    if not scope["path"].isprintable():
        return NotFound()  # control characters name nothing, and no database takes a NUL
    return None


def _texts(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, str]:
    return {name: value.decode("latin-1") for name, value in headers}
