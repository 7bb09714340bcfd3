"""The page of settings: every environment variable, from the settings of the services."""

from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any, Final

import msgspec
from msgspec.inspect import (
    CustomType,
    Field,
    FloatType,
    IntType,
    LiteralType,
    Metadata,
    NoneType,
    StrType,
    StructType,
    UnionType,
    type_info,
)

from roadbike.environment import COMMAND
from roadbike.kit.process.secret import Secret
from roadbike.kit.process.settings import ServiceSettings, variable
from tools.docs.services import NAMES, title
from tools.docs.tables import table

UNITS: Final = {"_ms": "milliseconds", "_s": "seconds", "_seconds": "seconds"}
NONE: Final = "–"
ABOUT: Final = """\
# Settings

Each service reads its settings once, at the start, from environment variables. A wrong or missing
value ends the start with one line that names the variable. `NAME_FILE` may stand instead of any
`NAME`: the value is then the text in the file of that path. An empty variable counts as not set.
A name that is similar to a setting but is none ends the start too: it is misspelt.

With `roadbike up` nothing has to be set: it gives every service what it needs, and passes on what
you set yourself (`ROADBIKE_OVERBOOK=5 make up`), except for addresses, keys and databases, which it
makes itself. With `roadbike serve SERVICE` everything that is required has to be set.
"""


def page() -> str:
    """Return the page."""
    parts = [ABOUT, "## Every service\n", _table(_fields(ServiceSettings)), ""]
    shared = {field.name for field in _fields(ServiceSettings)}
    for name in NAMES:
        own = [one for one in _fields(settings_of(name)) if one.name not in shared]
        if own:
            parts += [f"## {title(name).capitalize()}\n", _table(own), ""]
    without = [title(name) for name in NAMES if not _own(name, shared)]
    parts += [f"Without settings of their own: {', '.join(without)}.\n"] if without else []
    parts += ["## The command `roadbike`\n", "Read by the command itself, not by a service.\n"]
    parts.append(
        table(
            ["name", "when it is not set", "what it is for"],
            [[f"`{one.name}`", one.default, one.purpose] for one in COMMAND],
        )
    )
    return "\n".join(parts) + "\n"


def settings_of(service: str) -> type[ServiceSettings]:
    """Return the settings of a service."""
    found: type[ServiceSettings] = import_module(f"roadbike.{service}.app").Settings
    return found


def names() -> set[str]:
    """Return every environment variable that a service or the command reads."""
    fields = [one for name in NAMES for one in msgspec.structs.fields(settings_of(name))]
    return {variable(field) for field in fields} | {one.name for one in COMMAND}


def undescribed() -> set[str]:
    """Return the settings that do not say what they are for."""
    fields = [one for name in NAMES for one in _fields(settings_of(name))]
    return {field.name for field in fields if not _description(field)}


def _own(name: str, shared: Iterable[str]) -> list[Field]:
    return [one for one in _fields(settings_of(name)) if one.name not in shared]


def _fields(settings: type[ServiceSettings]) -> tuple[Field, ...]:
    info = type_info(settings)
    assert isinstance(info, StructType)
    return info.fields


def _table(fields: Iterable[Field]) -> str:
    return table(["name", "type", "default", "unit", "what it is for"], map(_row, fields))


def _row(field: Field) -> list[str]:
    return [f"`{_variable(field)}`", _type(field.type), _default(field), _unit(field.name),
            _description(field) or NONE]  # fmt: skip


def _variable(field: Field) -> str:
    own = field.encode_name != field.name
    return field.encode_name if own else f"ROADBIKE_{field.name.upper()}"


def _default(field: Field) -> str:
    if field.required:
        return "required"
    if field.default is None:
        return "by `ROADBIKE_ENV`"
    default = field.default.reveal() if isinstance(field.default, Secret) else field.default
    return f"`{default}`" if default != "" else "empty"


def _unit(name: str) -> str:
    return next((unit for ending, unit in UNITS.items() if name.endswith(ending)), NONE)


def _description(field: Field) -> str:
    kind = field.type
    extra = (kind.extra_json_schema or {}) if isinstance(kind, Metadata) else {}
    return str(extra.get("description", ""))


def _type(kind: Any) -> str:
    match kind:
        case Metadata():
            return _type(kind.type)
        case UnionType(types=types):
            return " or ".join(_type(one) for one in types if not isinstance(one, NoneType))
        case LiteralType():
            return " or ".join(f"`{value}`" for value in kind.values)
        case IntType() | FloatType():
            name = "integer" if isinstance(kind, IntType) else "number"
            return " ".join([name, *_range(kind.ge, kind.le)])
        case _:
            return _text_type(kind)


def _text_type(kind: Any) -> str:
    """Return how a text is called. Raises TypeError for what is not read as a text."""
    if isinstance(kind, CustomType) and kind.cls is Secret:
        return "text, secret"
    if not isinstance(kind, StrType):
        raise TypeError(f"a setting of a type that the page does not know: {kind}")
    return "text"


def _range(least: float | None, most: float | None) -> Iterator[str]:
    if least is not None and most is not None:
        yield f"{least:,}–{most:,}"
    elif least is not None:
        yield f"from {least:,}"
    elif most is not None:
        yield f"up to {most:,}"
