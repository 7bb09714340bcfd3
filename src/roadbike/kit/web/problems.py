"""Refusals as problem documents (RFC 9457) in the reader's language."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from roadbike.kit.pure.refusals import Fault, Invalid, Refusal, Unavailable
from roadbike.kit.pure.retry import spread, whole_seconds
from roadbike.kit.trace import current_trace_id
from roadbike.kit.translations import Language, Translations
from roadbike.kit.web.media import PROBLEM_JSON

TYPE_PREFIX: Final = "/problems/"  # its pages: web/pages.py


class ProblemError(msgspec.Struct, frozen=True, kw_only=True):
    """One fault in the request: a JSON pointer into the body or a parameter's name, and a text."""

    pointer: str | UnsetType = UNSET
    parameter: str | UnsetType = UNSET
    detail: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of every response of 400 and above; some problems have further members."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    trace_id: str | None = None
    errors: list[ProblemError] | UnsetType = UNSET


def problem_body(
    refusal: Refusal, *, instance: str, language: Language, translations: Translations
) -> bytes:
    """Return the problem document as JSON; `instance` is the path of the request."""
    problem = Problem(
        type=TYPE_PREFIX + refusal.slug,
        title=translations.title(refusal.slug, language),
        status=refusal.status,
        detail=translations.detail(refusal.slug, language, refusal.facts),
        instance=instance,
        trace_id=current_trace_id(),
        errors=_errors(refusal, language, translations) or UNSET,
    )
    members: dict[str, Any] = msgspec.to_builtins(problem)
    return msgspec.json.encode(members | dict(refusal.extra))


def problem_headers(refusal: Refusal, language: Language) -> dict[str, str]:
    """Return the headers of the response, with Retry-After in whole seconds, at least 1.

    That of a 503 is spread, so that those who were refused together do not come back together.
    """
    headers = {
        "content-type": PROBLEM_JSON,
        "content-language": language,
        "vary": "accept-language",
        "cache-control": "no-store",
    }
    if refusal.retry_after is not None:
        in_seconds = spread if isinstance(refusal, Unavailable) else whole_seconds
        headers["retry-after"] = str(in_seconds(refusal.retry_after))
    return headers | _lower(refusal.headers)


def _errors(refusal: Refusal, language: Language, translations: Translations) -> list[ProblemError]:
    if isinstance(refusal, Invalid):
        return [_error(fault, language, translations) for fault in refusal.faults]
    if refusal.pointer is None:
        return []
    detail = translations.detail(refusal.slug, language, refusal.facts)
    return [ProblemError(pointer=refusal.pointer, detail=detail)]


def _error(fault: Fault, language: Language, translations: Translations) -> ProblemError:
    return ProblemError(
        pointer=UNSET if fault.pointer is None else fault.pointer,
        parameter=UNSET if fault.parameter is None else fault.parameter,
        detail=translations.detail(fault.slug, language, fault.facts),
    )


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
