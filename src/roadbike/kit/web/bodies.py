"""Strict request bodies: what the type says and nothing else, each fault with its pointer."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from itertools import islice
from typing import Annotated, Any, ClassVar, Final

import msgspec
from msgspec.inspect import Metadata, UnionType

from roadbike.kit.pure.refusals import BadRequest, Fault, Invalid
from roadbike.kit.web.msgspec_errors import fault_of

LARGEST: Final = 64 * 1024
DEEPEST: Final = 20
MOST_FAULTS: Final = 20  # named in one answer
LARGEST_NUMBER: Final = 2**63 - 1
BROKEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")  # tab and newlines may
STRINGS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


Line = Annotated[  # a name, an address: one line without control characters
    str,  # "$" alone stands before a last newline too
    msgspec.Meta(
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)",
        extra={"fault": "fault-line"},
    ),
]


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of request bodies: `class NewBike(Body, frozen=True, kw_only=True, rename=…)`.

    `ignored` names members that old clients send and the server owns: they decide nothing,
    whatever their type. Every other unknown member is refused. A pattern may name the message
    for what does not match it: `Meta(pattern=…, extra={"fault": "fault-line"})`.
    """

    ignored: ClassVar[frozenset[str]] = frozenset()


class Reader:
    """Decodes JSON strictly into one type of body."""

    def __init__(self, type_: type[msgspec.Struct]) -> None:
        self.type_ = type_
        self._fields = {field.encode_name for field in msgspec.structs.fields(type_)}
        self._ignored: frozenset[str] = getattr(type_, "ignored", frozenset())
        self._choices = _choices(type_)
        self._patterns = _patterns(type_)

    def read(self, raw: bytes) -> Any:
        """Return an instance of the type.

        Raises BadRequest for what is no JSON, Invalid (422) for what is not of the type.
        """
        members = _parsed(raw)
        if isinstance(members, dict) and (strangers := members.keys() - self._fields):
            members = self._without(members, strangers)
        try:
            return msgspec.convert(members, self.type_)
        except msgspec.ValidationError as error:
            raise Invalid(self._explained(fault_of(str(error)))) from error

    def _explained(self, fault: Fault) -> Fault:
        """Say what the member takes, where its type knows more than msgspec says."""
        at = fault.pointer or ""
        match fault.slug:
            case "fault-value" if at in self._choices:
                return replace(fault, slug="fault-choice", facts={"choices": self._choices[at]})
            case "fault-pattern" if at in self._patterns:
                return replace(fault, slug=self._patterns[at])
            case _:
                return fault

    def _without(self, members: dict[str, Any], strangers: set[str]) -> dict[str, Any]:
        """Drop the ignored members; name all unknown ones at once."""
        if unknown := sorted(strangers - self._ignored):
            named = unknown[:MOST_FAULTS]
            raise Invalid(*(Fault(slug="fault-unknown", pointer=pointer(n)) for n in named))
        return {name: value for name, value in members.items() if name in self._fields}


def _choices(type_: type[msgspec.Struct]) -> dict[str, str]:
    """The values of each member that has a few, for people to read, by pointer."""
    return {
        pointer(field.encode_name): ", ".join(field.type)
        for field in msgspec.structs.fields(type_)
        if isinstance(field.type, type) and issubclass(field.type, StrEnum)
    }


def _patterns(type_: type[msgspec.Struct]) -> dict[str, str]:
    """The slug of the message for each member whose pattern names one, by pointer."""
    slugs = {}
    for field in msgspec.structs.fields(type_):
        described = msgspec.inspect.type_info(field.type)
        kinds = described.types if isinstance(described, UnionType) else (described,)
        for kind in kinds:
            if isinstance(kind, Metadata) and kind.extra and "fault" in kind.extra:
                slugs[pointer(field.encode_name)] = kind.extra["fault"]
    return slugs


def _parsed(raw: bytes) -> Any:
    if raw.count(b"[") + raw.count(b"{") > DEEPEST and _is_deeper(raw):
        raise Invalid(Fault(slug="fault-depth", pointer="", facts={"maximum": DEEPEST}))
    try:
        members = DECODER.decode(raw.decode())
    except (ValueError, RecursionError) as error:
        raise BadRequest from error
    if b"\\" in raw or b"\x7f" in raw:  # JSON takes the others only escaped
        _refuse_broken(members)
    return members


def _is_deeper(raw: bytes) -> bool:
    depth = 0
    for byte in STRINGS.sub(b"", raw):
        depth += (byte in b"[{") - (byte in b"]}")
        if depth > DEEPEST:
            return True
    return False


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Invalid(Fault(slug="fault-twice", pointer=pointer(twice)))
    return members


def _no_number(_name: str) -> float:
    raise BadRequest  # NaN and Infinity are no JSON


def _refuse_broken(members: Any) -> None:
    places = islice(_broken(members, ""), MOST_FAULTS)
    faults = [Fault(slug="fault-characters", pointer=at) for at in places]
    if faults:
        raise Invalid(*faults)


def _broken(value: Any, at: str) -> Iterator[str]:
    match value:
        case str():
            if BROKEN.search(value):
                yield at
        case dict():
            for name, member in value.items():
                if BROKEN.search(name):
                    yield at
                else:
                    yield from _broken(member, at + pointer(name))
        case list():
            for index, member in enumerate(value):
                yield from _broken(member, f"{at}/{index}")
        case _:
            return


def _whole(digits: str) -> int:
    number = int(digits)
    if abs(number) > LARGEST_NUMBER:  # no database takes it
        raise Invalid(Fault(slug="fault-number", pointer=""))
    return number


DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_number, parse_int=_whole
)


def pointer(name: str) -> str:
    """Return the JSON pointer (RFC 6901) of one top-level member."""
    return "/" + name.replace("~", "~0").replace("/", "~1")
