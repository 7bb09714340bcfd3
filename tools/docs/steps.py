"""What a run of the shop records: calls, events, reactions and timed work, in their order."""

from dataclasses import dataclass

from roadbike.kit.pure.events import Event


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A request over HTTP. by: `buyer`, `staff` or the calling service. who: as the route says."""

    by: str
    service: str
    request: str
    who: str


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """The answer to a request; no status when the answer was lost on its way."""

    by: str
    service: str
    status: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Called:
    """A call of a service to something outside the shop, for example to the payment provider."""

    service: str
    outside: str
    call: str


@dataclass(frozen=True, slots=True, eq=False)
class Woke:
    """Timed work that did something."""

    service: str
    work: str
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Consumed:
    """An event took effect in one of its consumers."""

    publisher: str
    service: str
    event: type[Event]
    status: str
    use_case: str


@dataclass(frozen=True, slots=True, eq=False)
class Outside:
    """Something that happened outside the shop and that a service found out about."""

    service: str
    what: str


Cause = Asked | Woke | Consumed | Outside


@dataclass(frozen=True, slots=True, eq=False)
class Published:
    """A service published an event. status: the wire status that it carries, if any."""

    service: str
    event: type[Event]
    status: str
    cause: Cause


Step = Asked | Answered | Called | Woke | Consumed | Outside | Published
