"""Refusals: the named reasons to reject a request, with the facts that fill their messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

NO_HEADERS: Final[Mapping[str, str]] = {}
NO_MEMBERS: Final[Mapping[str, object]] = {}


class Refusal(Exception):
    """The base of every refusal; kit.web turns it into a problem document (RFC 9457).

    slug: the key of the message in messages.toml and of the page /problems/<slug>.
    status: the HTTP status code of the response.
    pointer: JSON pointer to the wrong member of the body.
    retry_after: seconds until a retry makes sense; sent as Retry-After, rounded up, at least 1.
    headers: added to the response. extra: members added to the problem document.
    facts: values of the message's placeholders.
    """

    slug: ClassVar[str]
    status: ClassVar[int]

    def __init__(
        self,
        *,
        pointer: str | None = None,
        retry_after: float | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        extra: Mapping[str, object] = NO_MEMBERS,
        **facts: object,
    ) -> None:
        super().__init__(self.slug)
        self.pointer = pointer
        self.retry_after = retry_after
        self.headers = headers
        self.extra = extra
        self.facts = facts

    def __str__(self) -> str:
        facts = ", ".join(f"{name}={value!r}" for name, value in self.facts.items())
        return f"{self.slug}({facts})"


class BadRequest(Refusal):
    """The request cannot be parsed: malformed JSON or a malformed header."""

    slug = "bad-request"
    status = 400


class Unauthenticated(Refusal):
    """There is no access token. Its subclasses: there is one, and it is not accepted."""

    slug = "unauthenticated"
    status = 401
    challenge = "Bearer"

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": self.challenge})


class TokenExpired(Unauthenticated):
    """The access token was valid and is too old: a new log-in gives another one."""

    slug = "token-expired"
    challenge = 'Bearer error="invalid_token", error_description="expired"'


class TokenInvalid(Unauthenticated):
    """The token is not one that is accepted here, and never becomes one."""

    slug = "token-invalid"
    challenge = 'Bearer error="invalid_token"'


class Forbidden(Refusal):
    """The caller's role does not allow the request."""

    slug = "forbidden"
    status = 403


class NotFound(Refusal):
    """The resource does not exist or is not visible to this caller."""

    slug = "not-found"
    status = 404


class ForeignObject(NotFound):
    """The resource belongs to another user: answered exactly as one that does not exist."""


class MethodNotAllowed(Refusal):
    """The resource does not support this HTTP method. Pass `headers={"Allow": ...}`."""

    slug = "method-not-allowed"
    status = 405


class Conflict(Refusal):
    """Another request changed the resource meanwhile. Domains define refusals for other reasons."""

    slug = "conflict"
    status = 409


class PreconditionFailed(Refusal):
    """If-Match names a version that is not the current one."""

    slug = "precondition-failed"
    status = 412


class TooLarge(Refusal):
    """The body is larger than the limit."""

    slug = "too-large"
    status = 413


class UnsupportedMedia(Refusal):
    """The content type of the body is not JSON."""

    slug = "unsupported-media-type"
    status = 415


class PreconditionRequired(Refusal):
    """An edit was sent without If-Match."""

    slug = "precondition-required"
    status = 428


class TooMany(Refusal):
    """The client has exceeded a rate limit. Pass `retry_after`."""

    slug = "too-many-requests"
    status = 429


class Unavailable(Refusal):
    """A database, broker or service that the request needs is unavailable. Pass `retry_after`."""

    slug = "unavailable"
    status = 503


class Overloaded(Unavailable):
    """The service has more requests than it can answer in time."""

    slug = "overloaded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One error in the input.

    slug: the key of the message in messages.toml (only its detail is used).
    pointer: JSON pointer into the body. parameter: name of the query or header parameter instead.
    facts: values of the message's placeholders.
    """

    slug: str
    pointer: str | None = None
    parameter: str | None = None
    facts: Mapping[str, object] = field(default_factory=dict)


class Invalid(Refusal):
    """The input can be parsed but has errors; `faults` lists each with its place and reason."""

    slug = "invalid"
    status = 422

    def __init__(self, *faults: Fault) -> None:
        super().__init__()
        self.faults: Sequence[Fault] = faults

    def __str__(self) -> str:
        return f"{self.slug}({', '.join(map(repr, self.faults))})"
