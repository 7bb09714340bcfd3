"""Mermaid diagrams: sequences from recorded steps, states from the lifecycle tables."""

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, assert_never

from roadbike.kit.pure.lifecycle import Lifecycle
from tools.docs.services import NAMES, title
from tools.docs.steps import Answered, Asked, Called, Consumed, Outside, Published, Step, Woke

PEOPLE: Final = ("buyer", "staff")


def sequence(steps: Sequence[Step]) -> str:
    """Return the steps as a sequence diagram: solid for calls, open arrow heads for events.

    A line is drawn between calls and the events that take effect afterwards.
    """
    there = {name for step in steps for name in _participants(step)}
    services = [name for name in NAMES if name in there]
    lines = ["sequenceDiagram", "    autonumber"]
    lines += [f"    actor {name}" for name in PEOPLE if name in there]
    lines += [f"    participant {name} as {title(name)}" for name in services]
    outside = sorted(there - {*PEOPLE, *services})
    lines += [f"    participant {name} as {_spaced(name)}" for name in outside]
    everybody = [*(name for name in PEOPLE if name in there), *services, *outside]
    lines += [f"    {line}" for line in _lines(steps, f"{everybody[0]},{everybody[-1]}")]
    return _fenced(lines)


def _participants(step: Step) -> Iterator[str]:
    yield step.service
    match step:
        case Asked() | Answered():
            yield step.by
        case Called():
            yield step.outside
        case _:
            pass


def _lines(steps: Sequence[Step], over: str) -> Iterator[str]:
    by_events = False
    for step in steps:
        if isinstance(step, Consumed) and not by_events:
            yield f"Note over {over}: the answer has been sent, the rest follows by events"
            by_events = True
        yield from _line(step)


def _line(step: Step) -> Iterator[str]:
    match step:
        case Asked():
            yield f"{step.by}->>+{step.service}: {step.request}"
        case Answered():
            yield f"{step.service}-->>-{step.by}: {step.status or 'no answer'}"
        case Called():
            yield f"{step.service}->>{step.outside}: {step.call}"
        case Woke():
            yield f"Note over {step.service}: every {step.seconds:g} s: {step.work}"
        case Consumed():
            status = f" ({step.status})" if step.status else ""
            yield f"{step.publisher}-){step.service}: {step.event.__name__}{status}"
        case Outside():
            yield f"Note over {step.service}: {step.what}"
        case Published():
            pass  # it is drawn where it is consumed
        case _:
            assert_never(step)


def states(service: str) -> str:
    """Return the lifecycle of a service's domain as a state diagram.

    The first status of the table is the one that a new row begins with; the names in the code
    stand beside the values on the wire where they differ.
    """
    (lifecycle,) = _lifecycles(import_module(f"roadbike.{service}.domain"))
    known = dict.fromkeys(lifecycle.steps)
    known |= dict.fromkeys(to for tos in lifecycle.steps.values() for to in _in_order(tos))
    lines = ["stateDiagram-v2", "    direction LR"]
    lines += [f'    state "{_label(status)}" as {status.name}' for status in known]
    lines.append(f"    [*] --> {next(iter(known)).name}")
    for from_, tos in lifecycle.steps.items():
        lines += [f"    {from_.name} --> {to.name}" for to in _in_order(tos)]
    lines += [f"    {last.name} --> [*]" for last in known if not lifecycle.steps.get(last)]
    return _fenced(lines)


def with_lifecycle(services: Sequence[str]) -> list[str]:
    """Return those of the services whose domain has a lifecycle table."""
    return [
        name
        for name in services
        if find_spec(f"roadbike.{name}.domain")
        and _lifecycles(import_module(f"roadbike.{name}.domain"))
    ]


def _lifecycles(module: Any) -> list[Lifecycle[Any]]:
    return [value for value in vars(module).values() if isinstance(value, Lifecycle)]


def _in_order(statuses: Any) -> list[StrEnum]:
    """Return a set of statuses in the order of their class."""
    return [one for one in type(next(iter(statuses))) if one in statuses] if statuses else []


def _label(status: StrEnum) -> str:
    same = status.value.upper() == status.name
    return status.name if same else f"{status.value} {status.name}"


def _spaced(name: str) -> str:
    """Return `simulated provider` for `SimulatedProvider`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def _fenced(lines: Sequence[str]) -> str:
    return "\n".join(["```mermaid", *lines, "```"])
