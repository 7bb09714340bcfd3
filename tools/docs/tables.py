"""Tables of the architecture page: services, events, and the fields of each kind of event."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from types import NoneType
from typing import Any, Final, get_args
from uuid import UUID

from roadbike.contracts.reasons import Reason
from roadbike.kit.process.service import Service
from roadbike.kit.pure.events import Event
from tools.docs.flow import Flow
from tools.docs.services import SPECS, first_sentence, port, timed_name, title, wire_fields

NOTHING: Final = "–"
TYPES: Final = {int: "integer", str: "text", bool: "true or false", UUID: "UUID", datetime: "time"}
DATABASES: Final = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def services(flow: Flow) -> str:
    """Return one row per service: where it listens, its database, its events, its timed work."""
    return table(
        ["service", "port", "database", "publishes", "consumes", "timed work"],
        [_service(flow, name, service) for name, service in flow.services.items()],
    )


def _service(flow: Flow, name: str, service: Service) -> list[str]:
    consumed = sorted({flow.publishers[policy.event] for policy in service.policies})
    return [
        f"[{title(name)}](#{title(name).replace(' ', '-')})",
        str(port(name)),
        DATABASES[SPECS[name].database],
        _listed(event.__name__ for event in service.publishes),
        "<br>".join(_consumed(flow, service, publisher) for publisher in consumed) or NOTHING,
        "<br>".join(f"`{timed_name(one)}` every {one.seconds:g} s" for one in service.timed)
        or NOTHING,
    ]


def _consumed(flow: Flow, service: Service, publisher: str) -> str:
    names = [p.event.__name__ for p in service.policies if flow.publishers[p.event] == publisher]
    everything = [event for event, by in flow.publishers.items() if by == publisher]
    listed = "every event" if len(names) == len(everything) else ", ".join(names)
    return f"{title(publisher)}: {listed}"


def events(flow: Flow) -> str:
    """Return one row per event: its publisher, each consumer's use case, its own fields."""
    return table(
        ["event", "meaning", "published by", "consumed by", "fields"],
        [
            [
                f"`{event.__name__}`",
                first_sentence(event.__doc__),
                title(publisher),
                "<br>".join(
                    f"{title(one.service)} → `{one.use_case}`" for one in flow.consumers(event)
                ),
                _fields(event, flow),
            ]
            for event, publisher in flow.publishers.items()
        ],
    )


def fields(flow: Flow) -> str:
    """Return one row per kind of event: topic, key, and the fields that all of the kind have."""
    return table(
        ["kind", "topic", "fields of every event of this kind"],
        [
            [kind, f"`{all_of[0].topic}`", ", ".join(_typed(all_of[0], name) for name in names)]
            for kind, all_of, names in _kinds(flow)
        ],
    )


def _kinds(flow: Flow) -> list[tuple[str, list[type[Event]], list[str]]]:
    kinds: dict[str, list[type[Event]]] = {}
    for event in flow.publishers:
        kinds.setdefault(event.kind, []).append(event)
    return [
        (
            kind,
            all_of,
            [n for n in wire_fields(all_of[0]) if all(n in wire_fields(e) for e in all_of)],
        )
        for kind, all_of in kinds.items()
    ]


def _fields(event: type[Event], flow: Flow) -> str:
    shared = next(names for kind, _, names in _kinds(flow) if kind == event.kind)
    own = [_typed(event, name) for name in wire_fields(event) if name not in shared]
    return ", ".join([f"of kind {event.kind}", *own])


def _typed(event: type[Event], name: str) -> str:
    return f"`{name}` {type_name(wire_fields(event)[name].type)}"


def type_name(type_: Any) -> str:
    """Return how readers of JSON know this type: `text or null`."""
    options = [one for one in get_args(type_) or [type_] if one is not NoneType]
    nothing = ["null"] if NoneType in get_args(type_) else []
    return " or ".join([*map(_type_name, options), *nothing])


def _type_name(type_: type) -> str:
    if not issubclass(type_, StrEnum):
        return TYPES[type_]
    return "reason" if type_ is Reason else " · ".join(type_)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or NOTHING
