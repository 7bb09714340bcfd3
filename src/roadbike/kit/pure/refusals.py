"""What a request may be refused for, named, with the facts that its message tells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

NO_HEADERS: Final[Mapping[str, str]] = {}
NO_MEMBERS: Final[Mapping[str, object]] = {}


class Refusal(Exception):
    """The base of every refusal; kit.web turns it into a problem document with `status`.

    slug: names the message in the catalogue and the page /problems/<slug>.
    pointer: JSON pointer to the body's member that is at fault.
    retry_after: seconds after which asking again makes sense (told as an integer, at least 1).
    headers: added to the answer. extra: members added to the problem document.
    facts: fill the placeholders of the message.
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
        told = ", ".join(f"{name}={value!r}" for name, value in self.facts.items())
        return f"{self.slug}({told})"


class BadRequest(Refusal):
    """The request cannot be read: JSON that is none, a broken header."""

    slug = "bad-request"
    status = 400


class Unauthenticated(Refusal):
    """No token, or one that does not hold."""

    slug = "unauthenticated"
    status = 401

    def __init__(self) -> None:
        super().__init__(headers={"WWW-Authenticate": "Bearer"})


class Forbidden(Refusal):
    """The role does not allow it."""

    slug = "forbidden"
    status = 403


class NotFound(Refusal):
    """There is no such thing, or not for this caller."""

    slug = "not-found"
    status = 404


class MethodNotAllowed(Refusal):
    """The thing is there, the method is not. Give `headers={"Allow": ...}`."""

    slug = "method-not-allowed"
    status = 405


class Conflict(Refusal):
    """The state of the thing does not allow it; trade refusals have their own names."""

    slug = "conflict"
    status = 409


class PreconditionFailed(Refusal):
    """If-Match names another version than the one there is."""

    slug = "precondition-failed"
    status = 412


class TooLarge(Refusal):
    """The body is over the limit."""

    slug = "too-large"
    status = 413


class UnsupportedMedia(Refusal):
    """The body is not sent as JSON."""

    slug = "unsupported-media-type"
    status = 415


class PreconditionRequired(Refusal):
    """An edit without If-Match."""

    slug = "precondition-required"
    status = 428


class TooMany(Refusal):
    """A limit per client is reached; give `retry_after`."""

    slug = "too-many-requests"
    status = 429


class Unavailable(Refusal):
    """Something that is needed is away for now; give `retry_after`."""

    slug = "unavailable"
    status = 503


class Overloaded(Unavailable):
    """More work than can be done in time."""

    slug = "overloaded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong with the input.

    slug: names the message in the catalogue (only its detail is used).
    pointer: JSON pointer into the body; parameter: name of a query or header parameter instead.
    facts: fill the placeholders of the message.
    """

    slug: str
    pointer: str | None = None
    parameter: str | None = None
    facts: Mapping[str, object] = field(default_factory=dict)


class Invalid(Refusal):
    """The input was understood and is wrong; `faults` say where and why."""

    slug = "invalid"
    status = 422

    def __init__(self, *faults: Fault) -> None:
        super().__init__()
        self.faults: Sequence[Fault] = faults

    def __str__(self) -> str:
        return f"{self.slug}({', '.join(map(repr, self.faults))})"


def invalid(pointer: str, slug: str, **facts: object) -> Invalid:
    """Name one member of the body that is wrong, for `raise`; facts fill the message."""
    return Invalid(Fault(slug=slug, pointer=pointer, facts=facts))
