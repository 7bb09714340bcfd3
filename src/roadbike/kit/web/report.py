"""What is logged and counted of each request: one line, `http.request`, and its time.

It has ids only: of the user, of what the path names and of what was created. The path itself, the
query, the headers and the bodies may hold anything, so they are not logged.
"""

import time
from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

import structlog
from litestar.types import Scope

from roadbike.kit import metrics
from roadbike.kit.pure.refusals import Refusal

CREATED: Final = 201
QUIET: Final = frozenset(
    {"/livez", "/readyz", "/internal/status", "/metrics"}
)  # asked every second
REFUSAL: Final = "roadbike.refusal"  # in the scope, as is:
USER: Final = "roadbike.user"
NO_ANSWER: Final = 0  # the status of a request that ended without a response

log = structlog.get_logger()


class ResponseHead:
    """When the head of a response was sent, and what it said.

    status: 0 until it is sent. ms: from the arrival of the request until then.
    created: the path in the Location of a 201, which ends in an id.
    """

    __slots__ = ("_began", "created", "ms", "status")

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.status = NO_ANSWER
        self.ms = 0.0
        self.created: str | None = None

    def sent(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Note the head that is sent now."""
        self.status = status
        self.ms = self.elapsed_ms()
        if status == CREATED:
            self.created = next((v.decode() for name, v in headers if name == b"location"), None)

    def elapsed_ms(self) -> float:
        """Return the milliseconds since this was made, as the request arrived."""
        return (time.monotonic() - self._began) * 1000


def note_refusal(scope: Scope, refusal: Refusal) -> None:
    """Keep why the request is refused, for its line, and count it."""
    known: Any = scope
    known[REFUSAL] = refusal.slug
    metrics.count_refusal(refusal.slug)


def note_user(scope: Scope, user_id: str) -> None:
    """Name the user in the request's line: for pages, which know users by a session."""
    known: Any = scope
    known[USER] = user_id


def report(scope: Scope, head: ResponseHead, method: str) -> None:
    """Count and log the request. The line of a probe is of level debug."""
    known: Any = scope
    route = known.get("path_template")  # the pattern; None when no route was found
    ms = head.ms or head.elapsed_ms()
    metrics.count_request(method, route, head.status, ms / 1000)
    if known["path"] in QUIET:
        log.debug("http.request", path=known["path"], status=head.status)
        return
    line: dict[str, Any] = {
        "method": method,
        "route": route,
        "status": head.status,
        "ms": round(ms, 1),
    }
    if user_id := _user_of(known):
        line["user"] = user_id
    if ids := _ids(known.get("path_params")):
        line["ids"] = ids
    if head.created is not None:
        line["created"] = head.created
    if refusal := known.get(REFUSAL):
        line["refusal"] = refusal
    log.info("http.request", **line)


def _user_of(scope: Any) -> str | None:
    caller = scope.get("caller")  # set when the token is valid
    user_id: str | None = caller.user_id if caller else scope.get(USER)
    return user_id


def _ids(parameters: Any) -> dict[str, str]:
    """Return the ids in the path; a parameter that is a text may hold anything."""
    if not parameters:
        return {}
    return {name: str(value) for name, value in parameters.items() if isinstance(value, UUID | int)}
