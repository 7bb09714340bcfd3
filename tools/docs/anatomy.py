"""What one service is made of, read from its `app.py` and its modules: the facts of its picture."""

import inspect
import pkgutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, is_dataclass
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from roadbike.kit.process.service import Service
from roadbike.kit.pure.refusals import Refusal
from tools.docs.flow import Flow
from tools.docs.routes import endpoints
from tools.docs.services import SPECS, first_sentence, timed_name, title, wire_names
from tools.docs.tables import DATABASES


@dataclass(frozen=True, slots=True)
class Adapter:
    """One card of the picture. by: `sync`, `pubsub`, `time` or `own` (its own database)."""

    name: str
    by: str
    rows: Sequence[str]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Anatomy:
    """The adapters on both sides and the core between them."""

    incoming: Sequence[Adapter]
    use_cases: Sequence[str]
    states: Sequence[str]
    decisions: Sequence[str]
    refusals: int
    outgoing: Sequence[Adapter]


def anatomy(flow: Flow, name: str) -> Anatomy:
    """Return what the service `name` is made of."""
    service = flow.services[name]
    domain = list(_members(f"roadbike.{name}.domain"))
    return Anatomy(
        incoming=[*_http(flow, service), *_consumed(flow, service), *_timed(service)],
        use_cases=list(dict.fromkeys(_use_cases(name, service))),
        states=[one.__name__ for one in domain if inspect.isclass(one) and is_dataclass(one)],
        decisions=list(dict.fromkeys(one.__name__ for one in domain if _is_public_function(one))),
        refusals=sum(inspect.isclass(one) and issubclass(one, Refusal) for one in domain),
        outgoing=[_database(name, service), *_published(service), *_outside(flow, name, service)],
    )


def _http(flow: Flow, service: Service) -> Iterator[Adapter]:
    served: dict[str, list[str]] = {}
    for one in endpoints(service, wire_names(flow.services)):
        served.setdefault("internal" if one.who == "internal" else "", []).append(one.request)
    if public := served.get(""):
        yield Adapter("HTTP API", "sync", public, "through the gateway")
    if internal := served.get("internal"):
        callers = sorted(title(by) for by in SPECS[service.name].callers)
        yield Adapter("internal HTTP API", "sync", internal, f"called by {', '.join(callers)}")


def _consumed(flow: Flow, service: Service) -> Iterator[Adapter]:
    topics: dict[str, list[str]] = {}
    for policy in service.policies:
        topics.setdefault(policy.event.topic, []).append(policy.event.__name__)
    for topic, names in topics.items():
        publisher = next(
            title(flow.publishers[p.event]) for p in service.policies if p.event.topic == topic
        )
        yield Adapter(f"inbox: {topic}", "pubsub", names, f"events of {publisher}")


def _timed(service: Service) -> Iterator[Adapter]:
    if service.timed:
        rows = [f"{timed_name(one)} · {one.seconds:g} s" for one in service.timed]
        yield Adapter("timed work", "time", rows, "repeated after these seconds")


def _database(name: str, service: Service) -> Adapter:
    store = import_module(f"roadbike.{name}.store")
    tables = sorted(store.metadata.tables)
    kit = [
        *(["outbox"] if service.publishes else []),
        *(["inbox, parked"] if service.policies else []),
    ]
    rows = [*tables, ", ".join(kit)] if kit else tables
    return Adapter(DATABASES[SPECS[name].database], "own", rows, "its own database")


def _published(service: Service) -> Iterator[Adapter]:
    if service.publishes:
        names = [event.__name__ for event in service.publishes]
        topic = service.publishes[0].topic
        yield Adapter(f"outbox: {topic}", "pubsub", names, "sent by the relay to the broker")


def _outside(flow: Flow, name: str, service: Service) -> Iterator[Adapter]:
    called = ", ".join(title(to) for by, to in flow.calls if by == name)
    for resource in service.resources:
        class_ = type(resource)
        own = inspect.getmembers(class_, inspect.iscoroutinefunction)
        methods = [method for method, _ in own if not method.startswith("_")]
        seen = (name, class_.__name__) in flow.outside
        note = f"calls {called} over HTTP" if called and not seen else _opening(class_)
        yield Adapter(class_.__name__, "sync", methods, note)


def _opening(class_: type) -> str:
    """Return what the class's module says it is for, up to the first full stop or colon."""
    text = first_sentence(import_module(class_.__module__).__doc__)
    return text.partition(".")[0].partition(":")[0]


def _use_cases(name: str, service: Service) -> Iterator[str]:
    for one in _members(f"roadbike.{name}.use_cases"):
        if one is service.prefetch or _is_prefetch(one):
            continue
        if inspect.iscoroutinefunction(one) and not one.__name__.startswith("_"):
            yield one.__name__
        elif inspect.isclass(one):
            for method, function in inspect.getmembers(one, inspect.iscoroutinefunction):
                if not method.startswith("_"):
                    yield f"{one.__name__}.{function.__name__}"


def _is_prefetch(one: Any) -> bool:
    """Return whether it loads a batch of events, which is not a use case."""
    return getattr(one, "__name__", "") == "prefetch"


def _is_public_function(one: Any) -> bool:
    return inspect.isfunction(one) and not one.__name__.startswith("_")


def _members(module: str) -> Iterator[Any]:
    """Yield what a module, or each module of a package, defines itself, in its order."""
    for each in _modules(module):
        for value in vars(each).values():
            if getattr(value, "__module__", None) == each.__name__:
                yield value


def _modules(name: str) -> Iterator[ModuleType]:
    if find_spec(name) is None:
        return  # the storefront has no use cases and no domain of its own
    module = import_module(name)
    yield module
    for found in pkgutil.iter_modules(getattr(module, "__path__", [])):
        yield import_module(f"{name}.{found.name}")
