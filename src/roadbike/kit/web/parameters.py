"""The parameters of requests: a route takes those it declares, each once and in one form."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints
from urllib.parse import unquote, unquote_to_bytes, urlencode
from uuid import UUID

from litestar.connection import Request
from litestar.params import HeaderParameter, QueryParameter

from roadbike.kit.pure.refusals import Fault, Invalid, NotFound
from roadbike.kit.pure.texts import UnusableText, line

WHOLE_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,17}")
HEX: Final = "[0-9a-f]"
DAY: Final = re.compile(r"2[0-9]{3}-[0-9]{2}-[0-9]{2}")
CANONICAL_UUID: Final = re.compile(f"{HEX}{{8}}-{HEX}{{4}}-{HEX}{{4}}-{HEX}{{4}}-{HEX}{{12}}")
LISTS: Final = frozenset({"if-match", "if-none-match"})  # their lines are one list
ALWAYS_READ: Final = ("Authorization", "Content-Type", "Content-Encoding")

Annotations = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter. type: of its value, or of each one when it may be repeated."""

    type: Any
    repeats: bool = False

    def read(self, text: str) -> str:
        """Return the value; a text is made a line. Raises Invalid, without a name."""
        try:
            value = line(text)
        except UnusableText as error:
            raise Invalid(Fault(slug=error.slug)) from error
        if self.type is str and not self.repeats:
            return value
        if self.type is int and not WHOLE_NUMBER.fullmatch(text):
            raise Invalid(Fault(slug="fault-whole-number"))
        if self.type is UUID and not CANONICAL_UUID.fullmatch(text):
            raise Invalid(Fault(slug="fault-uuid"))
        if self.type is date and not is_day(text):
            raise Invalid(Fault(slug="fault-day"))
        choices = _choices(self.type)
        if choices and (value not in choices or text != text.strip()):
            raise Invalid(Fault(slug="fault-choice", facts={"choices": ", ".join(choices)}))
        return value if choices else text


def is_day(text: str) -> bool:
    """Return whether the text is a day from 2000 to 2999, written as 2026-11-27."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return DAY.fullmatch(text) is not None


def _choices(type_: Any) -> Sequence[str]:
    if type_ is bool:
        return "true", "false"
    is_enum = isinstance(type_, type) and issubclass(type_, StrEnum)
    return [each.value for each in type_] if is_enum else ()


@dataclass(frozen=True, slots=True)
class Taken:
    """What a route takes. query: by wire name; headers: that must not come twice, by wire name."""

    query: Mapping[str, Parameter]
    headers: tuple[str, ...]

    def check(self, request: Request[Any, Any, Any]) -> None:
        """Compose the query's texts. Raises NotFound or Invalid, which names all wrong ones.

        Litestar would convert "null" to no value, "+1" and "1.0" to 1, take the last of repeated
        parameters, and ignore those that it does not know.
        """
        check_path(request)
        for name in self.headers:
            if len(request.headers.getall(name.lower(), [])) > 1:
                raise Invalid(Fault(slug="fault-twice", parameter=name))
        sent = request.scope["query_string"]
        if sent and (changed := self.read(sent)) is not None:
            request.scope["query_string"] = changed

    def read(self, query: bytes) -> bytes | None:
        """Return the query with its texts as lines, in ASCII; None when it is so already.

        Raises Invalid, which names all wrong parameters.
        """
        is_changed = not query.isascii()
        pairs: list[tuple[str, str]] = []
        faults: dict[tuple[str, str], Fault] = {}
        seen: set[str] = set()
        for part in query.split(b"&"):
            raw_name, _, raw_value = part.partition(b"=")
            name = _text(raw_name, errors="replace")
            try:
                text, value = self._value(name, raw_value, seen)
                is_changed |= text != value
                pairs.append((name, value))
            except Invalid as refusal:
                for fault in refusal.faults:
                    named = Fault(slug=fault.slug, parameter=name, facts=fault.facts)
                    faults.setdefault((name, fault.slug), named)
            seen.add(name)
        if faults:
            raise Invalid(*faults.values())
        return urlencode(pairs).encode() if is_changed else None

    def _value(self, name: str, raw: bytes, seen: set[str]) -> tuple[str, str]:
        """Return the value as it was sent, and as it is read. Raises Invalid, without a name."""
        parameter = self.query.get(name)
        if parameter is None:
            choices = ", ".join(self.query) or "–"
            raise Invalid(Fault(slug="fault-unknown-parameter", facts={"choices": choices}))
        if name in seen and not parameter.repeats:
            raise Invalid(Fault(slug="fault-twice"))
        try:
            text = _text(raw, errors="strict")
            return text, parameter.read(text)
        except UnicodeDecodeError as error:
            raise Invalid(Fault(slug="fault-characters")) from error


def check_path(request: Request[Any, Any, Any]) -> None:
    """Raise NotFound unless the path is the one by which we link to the resource.

    Python reads "+7", "07", "7 " and the digits of other scripts as 7, and UUIDs in five forms;
    Litestar ignores slashes at the end and repeated ones.
    """
    scope = request.scope
    values = scope["path_params"]
    own: str = scope["path_template"].format(**values)
    if own != unquote(scope["raw_path"].partition(b"?")[0].decode("latin-1")):
        raise NotFound
    if any(isinstance(value, int) and value < 0 for value in values.values()):
        raise NotFound


def taken_by(fn: Callable[..., Any], more: Annotations) -> Taken:
    """Return what a handler takes by its annotations, and by those of its dependencies."""
    query, headers = {}, dict.fromkeys(ALWAYS_READ)
    for field, hint in {**get_type_hints(fn, include_extras=True), **more}.items():
        for declared in getattr(hint, "__metadata__", ()):
            name = getattr(declared, "name", None) or field
            if isinstance(declared, QueryParameter):
                query[name] = _parameter(get_args(hint)[0])
            if isinstance(declared, HeaderParameter) and name.lower() not in LISTS:
                headers[name] = None
    return Taken(query, tuple(headers))


def _parameter(type_: Any) -> Parameter:
    if get_origin(type_) in {Union, UnionType}:
        (type_,) = (each for each in get_args(type_) if each is not type(None))
    if get_origin(type_) is Annotated:
        return _parameter(get_args(type_)[0])
    if get_origin(type_) is list:
        return Parameter(get_args(type_)[0], repeats=True)
    return Parameter(type_)


def _text(raw: bytes, *, errors: str) -> str:
    return unquote_to_bytes(raw.replace(b"+", b" ")).decode(errors=errors)
