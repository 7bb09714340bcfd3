"""What follows from what: the causes of every event, from the code and from the recorded run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from roadbike.kit.process.service import Service
from roadbike.kit.pure.events import Event
from tools.docs.services import Reaction, events, reactions, title
from tools.docs.steps import Asked, Called, Cause, Consumed, Outside, Published, Step, Woke
from tools.docs.tour import Tour

Kind = Literal["command", "policy", "time", "outside"]
ORDER: tuple[Kind, ...] = ("command", "time", "policy", "outside")
PEOPLE: Mapping[str, str] = {"buyer": "buyer", "admin": "staff", "anyone": "anybody"}


class Incomplete(Exception):
    """The recorded run lacks an event or a reaction that the services list."""


@dataclass(frozen=True, order=True, slots=True)
class Trigger:
    """A cause of an event: what happens, and who or what does it."""

    kind: Kind
    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class Flow:
    """The services, who publishes and consumes each event, and what causes it."""

    services: Mapping[str, Service]
    publishers: Mapping[type[Event], str]
    reactions: Sequence[Reaction]
    triggers: Mapping[type[Event], Sequence[Trigger]]
    calls: frozenset[tuple[str, str]]  # of a service to another one over HTTP
    outside: frozenset[tuple[str, str]]  # of a service to something outside, by its class

    def consumers(self, event: type[Event]) -> list[Reaction]:
        """Return who reacts to this event."""
        return [one for one in self.reactions if one.event is event]


def flow_of(services: Mapping[str, Service], tour: Tour) -> Flow:
    """Return what follows from what. Raises Incomplete, which names what the run lacks."""
    published = [step for step in tour.steps if isinstance(step, Published)]
    flow = Flow(
        services=services,
        publishers=events(services),
        reactions=reactions(services),
        triggers={event: _triggers(event, published, tour.steps) for event in events(services)},
        calls=frozenset(
            (step.by, step.service)
            for step in tour.steps
            if isinstance(step, Asked) and step.by in services
        ),
        outside=frozenset(
            (step.service, step.outside) for step in tour.steps if isinstance(step, Called)
        ),
    )
    _check(flow, tour.steps)
    return flow


def _check(flow: Flow, steps: Sequence[Step]) -> None:
    seen = {(step.service, step.event) for step in steps if isinstance(step, Consumed)}
    lacking = [event.__name__ for event, triggers in flow.triggers.items() if not triggers]
    lacking += [
        f"{one.event.__name__} in {one.service}"
        for one in flow.reactions
        if (one.service, one.event) not in seen
    ]
    if lacking:
        raise Incomplete(f"tools/docs/tour.py does not make these happen: {', '.join(lacking)}")


def _triggers(
    event: type[Event], published: Sequence[Published], steps: Sequence[Step]
) -> list[Trigger]:
    mine = [step for step in published if step.event is event]
    found = {_trigger(step.cause) for step in mine}
    found |= {
        Trigger("outside", "payment provider", f"answers {call.call}")
        for step in mine
        for call in _last_call(step, steps)
    }
    return sorted(found, key=lambda one: (ORDER.index(one.kind), one))


def _last_call(published: Published, steps: Sequence[Step]) -> Sequence[Called]:
    """Return the last call to the outside between a cause and this event, if there was one."""
    between = steps[steps.index(published.cause) + 1 : steps.index(published)]
    calls = [
        step for step in between if isinstance(step, Called) and step.service == published.service
    ]
    return calls[-1:]


def _trigger(cause: Cause) -> Trigger:
    match cause:
        case Asked():
            return Trigger("command", cause.request, PEOPLE.get(cause.who, title(cause.by)))
        case Woke():
            return Trigger("time", cause.work, f"every {cause.seconds:g} s")
        case Consumed():
            return Trigger("policy", cause.use_case, f"whenever {cause.event.__name__}")
        case Outside():
            return Trigger("outside", cause.what, "found out later")
        case _:
            assert_never(cause)
