"""Refusals as problem documents (RFC 9457) in the reader's language."""

import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from roadbike.kit.pure.refusals import Fault, Invalid, Refusal
from roadbike.kit.trace import current_trace_id
from roadbike.kit.translations import Language, Translations
from roadbike.kit.web.media import PROBLEM_JSON

PAGES: Final = "/problems/"


class ProblemError(msgspec.Struct, frozen=True, kw_only=True):
    """One fault of the input: a JSON pointer into the body, or the name of a parameter."""

    pointer: str | UnsetType = UNSET
    parameter: str | UnsetType = UNSET
    detail: str


class Problem(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What every answer of 400 and above says; some problems have further members."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    trace_id: str | None = None
    errors: list[ProblemError] | UnsetType = UNSET


def problem_body(
    refusal: Refusal, *, instance: str, language: Language, messages: Translations
) -> bytes:
    """Return the problem document as JSON bytes; `instance` is the path asked for."""
    problem = Problem(
        type=PAGES + refusal.slug,
        title=messages.title(refusal.slug, language),
        status=refusal.status,
        detail=messages.detail(refusal.slug, language, refusal.facts),
        instance=instance,
        trace_id=current_trace_id(),
        errors=_errors(refusal, language, messages) or UNSET,
    )
    members: dict[str, Any] = msgspec.to_builtins(problem)
    return msgspec.json.encode(members | dict(refusal.extra))


def problem_headers(refusal: Refusal, language: Language) -> dict[str, str]:
    """Return the headers that belong to the document, Retry-After in whole seconds among them."""
    headers = {
        "content-type": PROBLEM_JSON,
        "content-language": language,
        "vary": "accept-language",
        "cache-control": "no-store",
    }
    if refusal.retry_after is not None:
        headers["retry-after"] = str(max(1, math.ceil(refusal.retry_after)))
    return headers | _lower(refusal.headers)


def _errors(refusal: Refusal, language: Language, messages: Translations) -> list[ProblemError]:
    if isinstance(refusal, Invalid):
        return [_error(fault, language, messages) for fault in refusal.faults]
    if refusal.pointer is None:
        return []
    detail = messages.detail(refusal.slug, language, refusal.facts)
    return [ProblemError(pointer=refusal.pointer, detail=detail)]


def _error(fault: Fault, language: Language, messages: Translations) -> ProblemError:
    return ProblemError(
        pointer=UNSET if fault.pointer is None else fault.pointer,
        parameter=UNSET if fault.parameter is None else fault.parameter,
        detail=messages.detail(fault.slug, language, fault.facts),
    )


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
