"""Every exception that reaches the HTTP edge as one problem: nothing leaks, nothing is lost."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import structlog
from litestar.connection import Request
from litestar.exceptions import HTTPException, ValidationException
from litestar.response import Response

from roadbike.kit.db import DatabaseUnavailable, StaleRow
from roadbike.kit.pure.refusals import (
    BadRequest,
    Conflict,
    Fault,
    Forbidden,
    Invalid,
    MethodNotAllowed,
    NotFound,
    Refusal,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from roadbike.kit.translations import Translations, language_of
from roadbike.kit.web.access import is_hidden
from roadbike.kit.web.msgspec_errors import fault_of
from roadbike.kit.web.problems import problem_body, problem_headers

log = structlog.get_logger()


class Internal(Refusal):
    """The last resort: the log knows what happened, the reader gets the trace id."""

    slug = "internal"
    status = 500


BY_STATUS: Final[Mapping[int, type[Refusal]]] = {
    kind.status: kind
    for kind in (BadRequest, Forbidden, NotFound, MethodNotAllowed, Conflict, TooLarge)
}


def answer_failure(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Litestar's exception handler for everything."""
    refusal = refusal_of(error)
    if isinstance(error, ValidationException) and isinstance(refusal, Invalid):
        refusal = _as_sent(request, refusal)
    if isinstance(error, HTTPException) and is_hidden(request):
        refusal = Unauthenticated()
    messages: Translations = request.app.state["messages"]
    language = language_of(request.headers.get("accept-language"))
    body = problem_body(
        refusal, instance=request.scope["path"], language=language, messages=messages
    )
    headers = problem_headers(refusal, language)
    media_type = headers.pop("content-type")
    return Response(body, status_code=refusal.status, headers=headers, media_type=media_type)


def refusal_of(error: Exception) -> Refusal:
    """Name the refusal that an exception means; logs what nobody has foreseen."""
    match error:
        case Refusal():
            return error
        case ValidationException():
            return _invalid(error)
        case HTTPException():
            return _of_litestar(error)
        case StaleRow():
            return Conflict(retry_after=1)
        case DatabaseUnavailable():
            log.warning("database.unavailable", error=str(error))
            return Unavailable(retry_after=1)
        case _:
            return _unforeseen(error)


def _of_litestar(error: HTTPException) -> Refusal:
    if error.status_code == Unauthenticated.status:
        return Unauthenticated()
    kind = BY_STATUS.get(error.status_code)
    return kind(headers=_allow(error.headers or {})) if kind else _unforeseen(error)


def _unforeseen(error: Exception) -> Refusal:
    log.error("http.failed", exc_info=error)
    return Internal()


def _invalid(error: ValidationException) -> Refusal:
    """Name the parameters that Litestar found wrong; a path that cannot be is not found."""
    found = [item for item in error.extra or [] if isinstance(item, dict)]
    if any(item.get("source") == "path" for item in found):
        return NotFound()
    if any(item.get("key") == "data" for item in found):
        return BadRequest()  # a body was announced and none came
    faults = [_fault(item) for item in found]
    return Invalid(*faults) if faults else BadRequest()


def _fault(item: Mapping[str, Any]) -> Fault:
    said = fault_of(item.get("message", ""))
    return Fault(slug=said.slug, parameter=item.get("key", ""), facts=said.facts)


def _as_sent(request: Request[Any, Any, Any], refusal: Invalid) -> Invalid:
    """Name parameters as the wire does; Litestar names those of our method."""
    known = request.route_handler.parsed_fn_signature.parameters
    names = {
        name: getattr(field.kwarg_definition, "name", None) or name for name, field in known.items()
    }
    return Invalid(
        *[replace(f, parameter=names.get(f.parameter or "", f.parameter)) for f in refusal.faults]
    )


def _allow(headers: Mapping[str, str]) -> dict[str, str]:
    """A GET route answers HEAD too: the edge sees to it."""
    allowed = {name.lower(): value for name, value in headers.items()}.get("allow")
    if allowed is None:
        return {}
    methods = {method.strip() for method in allowed.split(",")}
    return {"Allow": ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))}
