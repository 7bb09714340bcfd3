"""Strict request bodies: only what the type allows, each fault with its JSON pointer."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from itertools import islice
from typing import Annotated, Any, ClassVar, Final, TypeAlias, get_args

import msgspec

from roadbike.kit.pure import texts
from roadbike.kit.pure.refusals import BadRequest, Fault, Invalid
from roadbike.kit.pure.texts import UnusableText, composed
from roadbike.kit.web.msgspec_errors import fault_of

MAX_BODY_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 20  # nested objects and arrays
MAX_FAULTS: Final = 20  # named in one response
MAX_INTEGER: Final = 2**63 - 1
# control characters other than tab and line breaks, and lone surrogates
FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
# A string that does not end is matched up to the end of the body, with a last lone backslash: else
# each of its quotes would start a search to the end, which takes quadratic time.
STRINGS: Final = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)

Line = Annotated[str, msgspec.Meta(max_length=200), texts.LINE]

# Where a value stands: the place of what contains it, and its name or index there; None for the
# body. Pointers are made for faults only: one for each value would copy long names again and again.
Place: TypeAlias = "tuple[Place, str | int] | None"


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of request bodies: `class NewBike(Body, frozen=True, kw_only=True, rename=…)`.

    `ignored` names members that old clients send and the server sets itself: they have no effect,
    whatever their type. Every other unknown member is refused. A pattern may name the message
    for a value that does not match: `Meta(pattern=…, extra={"fault": "fault-line"})`. A text
    says what it may contain by LINE or PARAGRAPHS of kit.pure.texts; all texts are composed (NFC)
    before their length counts. `not_offered` are values of enums that are known and always refused,
    each with an explanation of its own: a wrong choice does not name them.
    """

    ignored: ClassVar[frozenset[str]] = frozenset()
    not_offered: ClassVar[frozenset[str]] = frozenset()


class Reader:
    """Decodes JSON strictly into one type of body."""

    def __init__(self, type_: type[msgspec.Struct]) -> None:
        self.type_ = type_
        self._fields = {field.encode_name for field in msgspec.structs.fields(type_)}
        self._ignored: frozenset[str] = getattr(type_, "ignored", frozenset())
        self._choices = _choices(type_)
        self._patterns = {
            name: kind.extra["fault"]
            for name, kind in texts.declared(type_, "fault").items()
            if kind.extra
        }
        self._texts = texts.rules(type_)

    def read(self, raw: bytes) -> Any:
        """Return an instance of the type.

        Raises BadRequest (400) when the body is not JSON, Invalid (422) when it does not match
        the type.
        """
        members = _parsed(raw)
        if isinstance(members, dict) and (extra := members.keys() - self._fields):
            members = self._without(members, extra)
        if isinstance(members, dict):
            members = self._checked(members)
        try:
            return msgspec.convert(members, self.type_)
        except msgspec.ValidationError as error:
            raise Invalid(self._explained(fault_of(str(error)))) from error

    def _explained(self, fault: Fault) -> Fault:
        """Name the choices or the pattern's message, which msgspec's error does not."""
        path = fault.pointer or ""
        match fault.slug:
            case "fault-value" if path in self._choices:
                return replace(fault, slug="fault-choice", facts={"choices": self._choices[path]})
            case "fault-pattern" if path[1:] in self._patterns:
                return replace(fault, slug=self._patterns[path[1:]])
            case _:
                return fault

    def _checked(self, members: dict[str, Any]) -> dict[str, Any]:
        """Return the members with each text as its type says. Raises Invalid."""
        checked, faults = dict(members), []
        for name, value in members.items():
            if name in self._texts and isinstance(value, str):
                try:
                    checked[name] = self._texts[name].apply(value)
                except UnusableText as error:
                    faults.append(Fault(slug=error.slug, pointer=pointer(name)))
        if faults:
            raise Invalid(*faults)
        return checked

    def _without(self, members: dict[str, Any], extra: set[str]) -> dict[str, Any]:
        """Drop the ignored members. Raises Invalid, which names the first unknown ones."""
        if unknown := sorted(extra - self._ignored)[:MAX_FAULTS]:
            raise Invalid(*(Fault(slug="fault-unknown", pointer=pointer(n)) for n in unknown))
        return {name: value for name, value in members.items() if name in self._fields}


def _choices(type_: type[msgspec.Struct]) -> dict[str, str]:
    """Return the values of each member that is an enum, as text, by pointer: those it may get."""
    never: frozenset[str] = getattr(type_, "not_offered", frozenset())
    return {
        pointer(field.encode_name): ", ".join(value for value in kind if value not in never)
        for field in msgspec.structs.fields(type_)
        for kind in (field.type, *get_args(field.type))  # itself, or one that may be left out
        if isinstance(kind, type) and issubclass(kind, StrEnum)
    }


def _parsed(raw: bytes) -> Any:
    if raw.count(b"[") + raw.count(b"{") > MAX_DEPTH and _is_deeper(raw):
        raise Invalid(Fault(slug="fault-depth", pointer="", facts={"maximum": MAX_DEPTH}))
    try:
        members = DECODER.decode(raw.decode())
    except (ValueError, RecursionError) as error:
        raise BadRequest from error
    if b"\\" in raw or b"\x7f" in raw:  # JSON has the other forbidden characters only as escapes
        _refuse_forbidden(members)
    return members if raw.isascii() and b"\\" not in raw else _composed(members, None)


def _is_deeper(raw: bytes) -> bool:
    depth = 0
    for byte in STRINGS.sub(b"", raw):
        depth += (byte in b"[{") - (byte in b"]}")
        if depth > MAX_DEPTH:
            return True
    return False


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise Invalid(Fault(slug="fault-twice", pointer=pointer(_first_repeated(pairs))))
    return members


def _first_repeated(pairs: list[tuple[str, Any]]) -> str:
    counts = Counter(name for name, _ in pairs)
    return next(name for name, count in counts.items() if count > 1)


def _refuse_constant(_name: str) -> float:
    raise BadRequest  # NaN and Infinity are not JSON


def _refuse_forbidden(members: Any) -> None:
    places = islice(_forbidden(members, None), MAX_FAULTS)
    faults = [Fault(slug="fault-characters", pointer=_pointer_to(place)) for place in places]
    if faults:
        raise Invalid(*faults)


def _forbidden(value: Any, place: Place) -> Iterator[Place]:
    """Yield the places of all texts and names with forbidden characters."""
    match value:
        case str():
            if FORBIDDEN.search(value):
                yield place
        case dict():
            for name, member in value.items():
                if FORBIDDEN.search(name):
                    yield place
                else:
                    yield from _forbidden(member, (place, name))
        case list():
            for index, member in enumerate(value):
                yield from _forbidden(member, (place, index))
        case _:
            return


def _composed(value: Any, place: Place) -> Any:
    """Return the value with all texts composed. Raises Invalid for one that cannot be."""
    match value:
        case str():
            try:
                return composed(value)
            except UnusableText as error:
                raise Invalid(Fault(slug=error.slug, pointer=_pointer_to(place))) from error
        case dict():
            return {name: _composed(member, (place, name)) for name, member in value.items()}
        case list():
            return [_composed(member, (place, index)) for index, member in enumerate(value)]
        case _:
            return value


def _pointer_to(place: Place) -> str:
    steps: list[str] = []
    while place is not None:
        place, step = place
        steps.append(pointer(str(step)))
    return "".join(reversed(steps))


def _integer(digits: str) -> int:
    number = int(digits)
    if abs(number) > MAX_INTEGER:  # larger than a BIGINT
        raise Invalid(Fault(slug="fault-number", pointer=""))
    return number


DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_int=_integer
)


def pointer(name: str) -> str:
    """Return the JSON pointer (RFC 6901) of one top-level member."""
    return "/" + name.replace("~", "~0").replace("/", "~1")
