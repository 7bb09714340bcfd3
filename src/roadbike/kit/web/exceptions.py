"""Convert every exception of a handler into one problem document, without internal details."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import structlog
from litestar.connection import Request
from litestar.exceptions import HTTPException, ValidationException
from litestar.response import Response

from roadbike.kit.db import DatabaseUnavailable, StaleRow
from roadbike.kit.logs import SELDOM
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
from roadbike.kit.web.audit import log_refusal
from roadbike.kit.web.msgspec_errors import fault_of
from roadbike.kit.web.problems import problem_body, problem_headers
from roadbike.kit.web.report import note_refusal

RETRY_SECONDS: Final = 1.0

log = structlog.get_logger()


class Internal(Refusal):
    """An exception that was not foreseen: the log has it, the client gets the trace id."""

    slug = "internal"
    status = 500


BY_STATUS: Final[Mapping[int, type[Refusal]]] = {
    kind.status: kind
    for kind in (BadRequest, Forbidden, NotFound, MethodNotAllowed, Conflict, TooLarge)
}


def problem_response(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Return the problem document for an exception: Litestar's handler of all exceptions."""
    refusal = refusal_of(error)
    if isinstance(error, ValidationException) and isinstance(refusal, Invalid):
        refusal = _with_wire_names(request, refusal)
    if isinstance(error, HTTPException) and is_hidden(request):
        refusal = Unauthenticated()
    note_refusal(request.scope, refusal)
    log_refusal(request, refusal)
    translations: Translations = request.app.state["translations"]
    language = language_of(request.headers.get("accept-language"))
    body = problem_body(
        refusal, instance=request.scope["path"], language=language, translations=translations
    )
    headers = problem_headers(refusal, language)
    media_type = headers.pop("content-type")
    return Response(body, status_code=refusal.status, headers=headers, media_type=media_type)


def refusal_of(error: Exception) -> Refusal:
    """Return the refusal for an exception; log the exception when it is not an expected one."""
    match error:
        case Refusal():
            return error
        case ValidationException():
            return _invalid(error)
        case HTTPException():
            return _from_litestar(error)
        case StaleRow():
            return Conflict(retry_after=RETRY_SECONDS)
        case DatabaseUnavailable():
            log.warning("database.unavailable", error=str(error), **SELDOM)
            return Unavailable(retry_after=RETRY_SECONDS)
        case _:
            return _unexpected(error)


def _from_litestar(error: HTTPException) -> Refusal:
    if error.status_code == Unauthenticated.status:
        return Unauthenticated()
    kind = BY_STATUS.get(error.status_code)
    return kind(headers=_allow(error.headers or {})) if kind else _unexpected(error)


def _unexpected(error: Exception) -> Refusal:
    log.error("http.failed", exc_info=error)
    return Internal()


def _invalid(error: ValidationException) -> Refusal:
    """Return the refusal that names the wrong parameters; for a wrong path parameter, NotFound."""
    found = [item for item in error.extra or [] if isinstance(item, dict)]
    if any(item.get("source") == "path" for item in found):
        return NotFound()
    if any(item.get("key") == "data" for item in found):
        return BadRequest()  # the body is missing, though a header announced one
    faults = [_fault(item) for item in found]
    return Invalid(*faults) if faults else BadRequest()


def _fault(item: Mapping[str, Any]) -> Fault:
    fault = fault_of(item.get("message", ""))
    return Fault(slug=fault.slug, parameter=item.get("key", ""), facts=fault.facts)


def _with_wire_names(request: Request[Any, Any, Any], refusal: Invalid) -> Invalid:
    """Name parameters as in the request; Litestar names them as our method does."""
    parameters = request.route_handler.parsed_fn_signature.parameters
    names = {
        name: getattr(field.kwarg_definition, "name", None) or name
        for name, field in parameters.items()
    }
    return Invalid(
        *[replace(f, parameter=names.get(f.parameter or "", f.parameter)) for f in refusal.faults]
    )


def _allow(headers: Mapping[str, str]) -> dict[str, str]:
    """Return Allow with HEAD where it has GET: the edge answers HEAD for every GET route."""
    allowed = {name.lower(): value for name, value in headers.items()}.get("allow")
    if allowed is None:
        return {}
    methods = {method.strip() for method in allowed.split(",")}
    return {"Allow": ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))}
