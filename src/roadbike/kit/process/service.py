"""What a service is made of: what it owns, serves, hears, tells and does by the clock."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import wraps
from typing import TypeVar

import msgspec
from litestar.handlers import HTTPRouteHandler

from roadbike.kit.db import Database, Tx
from roadbike.kit.messaging.broker import Message
from roadbike.kit.messaging.inbox import Policy, Prefetch
from roadbike.kit.process.settings import ServiceSettings
from roadbike.kit.pure.events import Event

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Timed:
    """Work done again and again, `seconds` after it was last finished."""

    seconds: float
    do: Callable[[Database], Awaitable[None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """A whole service on one page.

    gauges: numbers for /internal/status that must be 0 in a quiet shop, by name.
    prefetch: loads what a batch of events will touch, in one go.
    resources: opened before the first request and closed after the last (HTTP clients, pools).
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
    resources: Sequence[AbstractAsyncContextManager[object]] = ()


def whenever(event: type[E], use_case: Callable[[Tx, E], Awaitable[object]]) -> Policy:
    """React to every such event with that use case, once."""

    @wraps(use_case)  # keeps its name: the documents say which use case reacts to which event
    async def act(tx: Tx, told: E, _message: Message) -> None:
        await use_case(tx, told)

    return Policy(event, msgspec.json.Decoder(event).decode, act)


def whenever_with_message(
    event: type[E], use_case: Callable[[Tx, E, Message], Awaitable[object]]
) -> Policy:
    """As `whenever`, for a use case that keeps the message itself: its id, time and bytes."""
    return Policy(event, msgspec.json.Decoder(event).decode, use_case)


def every(*, seconds: float, do: Callable[[Database], Awaitable[None]]) -> Timed:
    """Timed work. It opens its own transactions and must be right on two replicas at once."""
    return Timed(seconds, do)
