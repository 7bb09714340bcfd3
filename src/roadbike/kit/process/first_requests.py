"""The requests that a process answers to itself before it is ready.

The first request to a new process waits for what all later ones find: a copy of another service's
list, templates, statements that are built once. A replica that says that it is ready gets requests
at once, and those must not be the ones that wait.
"""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

import structlog
from litestar.types import ASGIApp, Message

from roadbike.kit.resilience.deadline import current_deadline, new_deadline

AGAIN_SECONDS: Final = 0.1
LONGEST_SECONDS: Final = 5.0  # a service that depends on another one does not wait for it for good

log = structlog.get_logger()


class FirstRequests:
    """Asks the app for each of these paths until it answers. are_answered: or given up.

    paths: of pages or lists that everybody may GET. The app is asked without its edge: such a
    request counts in no metric and in no limit.
    """

    def __init__(self, paths: Sequence[str], longest_seconds: float = LONGEST_SECONDS) -> None:
        self.are_answered = not paths
        self._paths, self._longest_seconds = paths, longest_seconds
        self._asking: asyncio.Task[None] | None = None

    def begin(self, app: ASGIApp, usable: asyncio.Event) -> None:
        """Ask in the background, once the event is set."""

        async def ask() -> None:
            await usable.wait()
            await self.ask(app)

        self._asking = asyncio.create_task(ask(), name="first requests")

    def end(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()

    async def ask(self, app: ASGIApp) -> None:
        """Return when all paths are answered, or the time is over."""
        waits_for = ""
        try:
            async with asyncio.timeout(self._longest_seconds):
                for waits_for in self._paths:
                    while not await _is_answered(app, waits_for):  # noqa: ASYNC110 nothing says when
                        await asyncio.sleep(AGAIN_SECONDS)
        except TimeoutError:
            log.warning("first_request.given_up", path=waits_for, seconds=self._longest_seconds)
        self.are_answered = True


async def _is_answered(app: ASGIApp, path: str) -> bool:
    """Return whether a GET is answered by something else than a failure."""
    scope: Any = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 0),
        "state": {},
    }
    found = HTTPStatus.INTERNAL_SERVER_ERROR

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal found
        if message["type"] == "http.response.start":
            found = HTTPStatus(message["status"])

    current_deadline.set(new_deadline(int(LONGEST_SECONDS * 1000)))
    try:
        await app(scope, receive, send)
    except Exception:
        log.exception("first_request.failed", path=path)
    return found < HTTPStatus.INTERNAL_SERVER_ERROR
