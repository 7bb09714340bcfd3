"""Conditional requests (RFC 9110, 13): ETag, If-Match, If-None-Match; and Idempotency-Key."""

import re
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final

from litestar.connection import Request
from litestar.params import HeaderParameter

from roadbike.kit.pure.conditions import Precondition, Tags
from roadbike.kit.pure.refusals import Fault, Invalid, PreconditionRequired

IF_MATCH: Final = "If-Match"
IF_NONE_MATCH: Final = "If-None-Match"
ELEMENT: Final = re.compile(r'[ \t]*+(?:(W/)?"([!#-~\x80-\xff]*+)"[ \t]*+)?(?:,|\Z)')
KEY: Final = re.compile(r"[!-~]{1,255}")

IfMatch = Annotated[
    str | None,
    HeaderParameter(
        name=IF_MATCH,
        description='ETag of the version that was read, for example "7"; a list of them; or *.',
    ),
]
IfNoneMatch = Annotated[
    str | None,
    HeaderParameter(name=IF_NONE_MATCH, description="ETags that the version must not have; or *."),
]
KeyHeader = Annotated[
    str | None,
    HeaderParameter(name="Idempotency-Key", description="Up to 255 visible ASCII characters."),
]


def etag(version: int) -> str:
    """Return the strong entity tag of a version."""
    return f'"{version}"'


def weak_etag(*parts: object) -> str:
    """Return the weak entity tag of a response that is made of these parts, in visible ASCII."""
    return f'W/"{".".join(str(part) for part in parts)}"'


def is_known(request: Request[Any, Any, Any], tag: str) -> bool:
    """Return whether the client of a GET has the response with this ETag, and needs no body.

    The response is then made a 304 by the edge. Raises Invalid for a malformed header.
    """
    condition = condition_of(request.scope["headers"])
    return status_of_a_read(condition, tag) == HTTPStatus.NOT_MODIFIED


def provide_condition(
    request: Request[Any, Any, Any],
    if_match_header: IfMatch = None,  # noqa: ARG001 for OpenAPI; it is one line of several
    if_none_match_header: IfNoneMatch = None,  # noqa: ARG001
) -> Precondition:
    """Return which versions a change may be of. Raises Invalid for a malformed header."""
    return condition_of(request.scope["headers"])


def provide_if_match(
    request: Request[Any, Any, Any],
    if_match_header: IfMatch = None,
    if_none_match_header: IfNoneMatch = None,
) -> Precondition:
    """Return which versions an edit may be of, as `provide_condition` does.

    Raises PreconditionRequired (428) without If-Match.
    """
    return required(provide_condition(request, if_match_header, if_none_match_header))


def condition_of(headers: Iterable[tuple[bytes, bytes]]) -> Precondition:
    """Return the condition that these headers state; all lines of one header are one list.

    Raises Invalid (422), with the name, for a malformed header.
    """
    lines: dict[bytes, list[str]] = {b"if-match": [], b"if-none-match": []}
    for name, value in headers:
        if name in lines:
            lines[name].append(value.decode("latin-1"))
    return Precondition(
        if_match=tags_of(IF_MATCH, lines[b"if-match"]),
        if_none_match=tags_of(IF_NONE_MATCH, lines[b"if-none-match"]),
    )


def required(condition: Precondition) -> Precondition:
    """Return the condition. Raises PreconditionRequired (428) when it was sent without If-Match."""
    if condition.if_match is None:
        raise PreconditionRequired
    return condition


def tags_of(name: str, lines: Sequence[str]) -> Tags | None:
    """Return what the lines of If-Match or If-None-Match list; None without a line.

    Raises Invalid (422), with the name, unless they are `*` or a list of entity tags.
    """
    if not lines:
        return None
    text = ",".join(lines).strip(" \t")
    if text == "*":
        return Tags(every=True)
    strong, weak = set[str](), set[str]()
    place = 0
    while place < len(text):
        element = ELEMENT.match(text, place)
        if element is None:
            raise Invalid(Fault(slug="fault-tags", parameter=name))
        if element[2] is not None:
            (weak if element[1] else strong).add(element[2])
        place = element.end()
    if not strong and not weak:
        raise Invalid(Fault(slug="fault-tags", parameter=name))
    return Tags(frozenset(strong), frozenset(weak))


def status_of_a_read(condition: Precondition, tag: str) -> int:
    """Return 200, or the status instead of it, for a GET whose response has this ETag.

    304 when If-None-Match has it (weak comparison), 412 when If-Match does not (strong).
    """
    opaque = tag.removeprefix("W/").strip('"')
    if condition.if_match is not None:
        is_weak = tag.startswith("W/") and not condition.if_match.every
        if is_weak or not condition.if_match.have(opaque):
            return HTTPStatus.PRECONDITION_FAILED
    if condition.if_none_match is not None and condition.if_none_match.have_weakly(opaque):
        return HTTPStatus.NOT_MODIFIED
    return HTTPStatus.OK


def checked_key(key_header: str | None) -> str | None:
    """Return the Idempotency-Key, or None without one.

    Raises Invalid (422) unless it has 1 to 255 visible ASCII characters.
    """
    if key_header is not None and not KEY.fullmatch(key_header):
        raise Invalid(Fault(slug="fault-key", parameter="Idempotency-Key"))
    return key_header
