"""The parts of a service: what it owns, serves, consumes, publishes and does on a timer."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import wraps
from typing import TypeVar

import msgspec
from litestar.handlers import HTTPRouteHandler

from roadbike.kit.db import Database, Tx
from roadbike.kit.messaging.broker import Message
from roadbike.kit.messaging.catching_up import CatchUp
from roadbike.kit.messaging.inbox import Policy, Prefetch
from roadbike.kit.process.settings import ServiceSettings
from roadbike.kit.pure.events import Event
from roadbike.kit.resilience.breaker import Breaker

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, kw_only=True, slots=True)
class Application:
    """The application that a service is part of, as far as kit needs to know it.

    title: stands before the service's name in its OpenAPI document.
    issuer, audience: the claims `iss` and `aud` of a valid access token.
    roles: the roles that count in an access token; all others are dropped.
    catalogues: packages with a `messages.toml`, beside kit's own.
    environment: the names of all environment variables that the application reads.
    events: the types of all events that this code knows.
    """

    title: str
    issuer: str
    audience: str
    roles: frozenset[str]
    catalogues: Sequence[str]
    environment: frozenset[str]
    events: frozenset[str]


@dataclass(frozen=True, slots=True)
class Timed:
    """Work that is repeated, each time `seconds` after it ended."""

    seconds: float
    do: Callable[[Database], Awaitable[None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """A whole service on one page.

    policies: which use case runs for which event. publishes: the events of its topic, whose
    source it is.
    gauges: numbers for /internal/status that are 0 when the shop is settled, by name.
    prefetch: loads with one statement per table what a batch of events will touch.
    breakers: in front of what it calls, for /internal/status. limits: its own limits of requests,
    by name; 0 is off.
    catch_up: what it does differently while it is behind with its messages.
    first_requests: paths that the process asks itself for before it is ready.
    resources: opened before the first request and closed after the last (HTTP clients, pools).
    Raises ValueError when it publishes events of another source or to several topics.
    """

    name: str
    settings: ServiceSettings
    db: Database
    routes: Sequence[HTTPRouteHandler] = ()
    policies: Sequence[Policy] = ()
    timed: Sequence[Timed] = ()
    publishes: Sequence[type[Event]] = ()
    gauges: Mapping[str, Callable[[Tx], Awaitable[int]]] = field(default_factory=dict)
    prefetch: Prefetch | None = None
    breakers: Sequence[Breaker] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    resources: Sequence[AbstractAsyncContextManager[object]] = ()
    catch_up: CatchUp | None = None
    first_requests: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Consumers would refuse the events of another source."""
        sources = {event.source for event in self.publishes}
        topics = {event.topic for event in self.publishes}
        if sources - {self.name} or len(topics) > 1:
            raise ValueError(f"{self.name} publishes as {sorted(sources)}, to {sorted(topics)}")


def whenever(event: type[E], use_case: Callable[[Tx, E], Awaitable[object]]) -> Policy:
    """Return the policy that runs the use case once for every consumed event of this type."""

    @wraps(use_case)  # the name of the use case is what documents show
    async def act(tx: Tx, consumed: E, _message: Message) -> None:
        await use_case(tx, consumed)

    return Policy(event, msgspec.json.Decoder(event).decode, act)


def whenever_with_message(
    event: type[E], use_case: Callable[[Tx, E, Message], Awaitable[object]]
) -> Policy:
    """Return the policy as `whenever` does, for a use case that also takes the message.

    The message has the event's id, its time (UTC) and its bytes.
    """
    return Policy(event, msgspec.json.Decoder(event).decode, use_case)


def every(*, seconds: float, do: Callable[[Database], Awaitable[None]]) -> Timed:
    """Return timed work. `do` opens its own transactions and may run on two replicas at once."""
    return Timed(seconds, do)
