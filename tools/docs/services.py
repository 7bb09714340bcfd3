"""The services of the shop, built from their `app.py` as a process would build them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from inspect import unwrap
from typing import Any, Final

import msgspec

from roadbike.kit.auth import SigningKey, new_signing_key
from roadbike.kit.process.service import Service, Timed
from roadbike.kit.process.settings import read, variable
from roadbike.kit.pure.events import Event
from roadbike.local.ports import Ports
from roadbike.local.services import SERVICES, ServiceSpec

SPECS: Final[Mapping[str, ServiceSpec]] = {spec.name: spec for spec in SERVICES}
NAMES: Final = tuple(SPECS)
TITLES: Final = {"mypage": "my page"}
NOWHERE: Final = "http://127.0.0.1:9"
IN_MEMORY: Final = "sqlite+aiosqlite://"


@dataclass(frozen=True, slots=True)
class Reaction:
    """One policy: the use case that a service calls whenever it consumes this event."""

    service: str
    event: type[Event]
    use_case: str


def build(name: str, environ: Mapping[str, str]) -> Service:
    """Build one service; what its settings require and `environ` lacks gets a harmless value."""
    settings = import_module(f"roadbike.{name}.app").Settings
    fields = msgspec.structs.fields(settings)
    required = {variable(field): _harmless(name, field.name) for field in fields if field.required}
    service: Service = import_module(f"roadbike.{name}.app").build(
        read(settings, {**required, **environ})
    )
    return service


def build_all() -> dict[str, Service]:
    """Build every service of the shop, by name; none of them is started."""
    return {name: build(name, {}) for name in NAMES}


def _harmless(service: str, field: str) -> str:
    if field == "port":
        return "0"
    if field == "broker_url":
        return "memory://docs"
    if field == "account_keys":
        return caller_keys({"account": new_signing_key("account/docs")})
    if field.endswith("_key"):
        return new_signing_key(f"{service}/docs")
    return NOWHERE if field in {"account_url", *(f"{name}_url" for name in NAMES)} else IN_MEMORY


def caller_keys(keys: Mapping[str, str]) -> str:
    """Return the public halves of these private keys as a JWKS."""
    return json.dumps({"keys": [SigningKey.from_jwk(key).public_jwk() for key in keys.values()]})


def title(name: str) -> str:
    """Return the name of a service as readers know it: `my page` for `mypage`."""
    return TITLES.get(name, name)


def port(name: str) -> int:
    """Return the default port of the service in one-machine mode."""
    return SPECS[name].port(Ports())


def reactions(services: Mapping[str, Service]) -> list[Reaction]:
    """Return every policy of the shop, in the order of the services' own lists."""
    return [
        Reaction(name, policy.event, callable_name(policy.act))
        for name, service in services.items()
        for policy in service.policies
    ]


def callable_name(function: Any) -> str:
    """Return `cancel_payment`, or `Cashier.refund_owed` for a method."""
    while isinstance(function, partial):
        function = function.func
    name: str = unwrap(function).__qualname__
    return name.rpartition("<locals>.")[2]


def timed_name(timed: Timed) -> str:
    """Return the name of the use case that this timed work calls."""
    return callable_name(timed.do)


def events(services: Mapping[str, Service]) -> dict[type[Event], str]:
    """Return every published event with its publisher, in the order of the services' lists."""
    return {event: name for name, service in services.items() for event in service.publishes}


def wire_fields(event: type[Event]) -> dict[str, msgspec.structs.FieldInfo]:
    """Return the fields of an event by their names on the wire."""
    return {field.encode_name: field for field in msgspec.structs.fields(event)}


def wire_names(services: Mapping[str, Service]) -> dict[str, str]:
    """Return the wire name of every field that an event has, by its name in the code."""
    return {
        field.name: name for event in events(services) for name, field in wire_fields(event).items()
    }


def first_sentence(text: str | None) -> str:
    """Return the first paragraph of a docstring, on one line."""
    return " ".join((text or "").strip().partition("\n\n")[0].split())
