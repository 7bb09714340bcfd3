"""Log lines about access: one for each refusal, and one for each request that staff's role allows.

They name ids, routes and reasons only: no tokens, passwords, names, postal addresses or bodies.
"""

from typing import Any, Final

import structlog
from litestar.connection import Request

from roadbike.kit.pure.refusals import Forbidden, ForeignObject, Refusal, Unauthenticated
from roadbike.kit.web.client import provide_client

READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})

log = structlog.get_logger()


def log_refusal(request: Request[Any, Any, Any], refusal: Refusal) -> None:
    """Log a refusal of access; a request without any token, and all other refusals, are not.

    reason: `token` (not valid here), `role` (not sufficient) or `foreign` (another user's object,
    whose id is added).
    """
    match refusal:
        case Unauthenticated() if "authorization" in request.headers:
            _log_refused(request, refusal, reason="token")
        case Forbidden():
            _log_refused(request, refusal, reason="role")
        case ForeignObject():
            ids = {name: str(value) for name, value in request.path_params.items()}
            _log_refused(request, refusal, reason="foreign", object=ids)
        case _:
            pass


def log_staff(request: Request[Any, Any, Any], user_id: str, role: str) -> None:
    """Log that this role of staff allows the user's request, unless it only reads."""
    if request.method not in READING:
        log.info("access.granted", user=user_id, role=role, **_where(request))


def _log_refused(request: Request[Any, Any, Any], refusal: Refusal, **details: Any) -> None:
    caller: Any = request.scope.get("caller")  # set when the token is valid
    user = {"user": caller.user_id} if caller else {}
    log.warning("access.refused", status=refusal.status, **details, **user, **_where(request))


def _where(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Return method, route and client. The route is the pattern: a path may hold anything."""
    handler: Any = request.scope.get("route_handler")  # missing when no route was found
    route = min(handler.paths) if handler else None
    return {"method": request.method, "route": route, "client": provide_client(request)}
