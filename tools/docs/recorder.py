"""Runs services in one process, one message after the other, and records what happens.

The services are real: their HTTP, use cases, databases (SQLite), outbox, relay and inbox. Only the
order is ours: breadth first, services in the order of `roadbike.local.services`, and timed work
when it is asked for, so that two runs record the same steps.
"""

import inspect
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from roadbike.kit.messaging.broker import Mark, Message
from roadbike.kit.messaging.broker.memory import MemoryBroker, MemoryLog
from roadbike.kit.messaging.inbox import Inbox, Policy
from roadbike.kit.messaging.outbox import publish
from roadbike.kit.messaging.relay import Relay
from roadbike.kit.process.service import Service, Timed
from roadbike.kit.pure.events import Event
from tools.docs.services import callable_name, timed_name
from tools.docs.steps import Called, Cause, Consumed, Outside, Published, Step, Woke


class Capture(MemoryBroker):
    """The broker of one service: keeps what its relay sends until the recorder delivers it."""

    def __init__(self) -> None:
        super().__init__(MemoryLog())
        self.sent: list[Message] = []

    async def send(self, messages: Sequence[Message]) -> list[Mark]:
        """Keep the messages, in their order."""
        first = len(self.sent) + 1
        self.sent.extend(messages)
        return [Mark(position=first + at, incarnation="docs") for at in range(len(messages))]


class Recorder:
    """Delivers messages and starts timed work; `steps` grows by what follows."""

    def __init__(self, services: Mapping[str, Service]) -> None:
        self.services = services
        self.steps: list[Step] = []
        self._brokers = {name: Capture() for name in services}
        self._relays = {
            name: Relay(service.db, self._brokers[name], name) for name, service in services.items()
        }
        self._inboxes = {
            name: Inbox(service.db, service.policies, prefetch=service.prefetch)
            for name, service in services.items()
        }
        self._working_on: dict[str, Cause] = {}
        self._waiting: deque[tuple[Published, Message]] = deque()
        for name, service in services.items():
            self._listen_to_resources(name, service)

    def begin(self, name: str, cause: Cause) -> None:
        """Record what the service works on from now on."""
        self._working_on[name] = cause
        self.steps.append(cause)

    async def collect(self, name: str, cause: Cause) -> None:
        """Let the service's relay send what was published, and record it with its cause."""
        broker = self._brokers[name]
        seen = len(broker.sent)
        while await self._relays[name].relay_once():
            pass
        for message in broker.sent[seen:]:
            event = self._type_of(name, message)
            published = Published(name, event, _status(event, message), cause)
            self.steps.append(published)
            self._waiting.append((published, message))

    async def deliver(self) -> None:
        """Let every published event, and every event that follows from one, take effect."""
        while self._waiting:
            published, message = self._waiting.popleft()
            for name, service in self.services.items():
                for policy in service.policies:
                    if policy.event is published.event:
                        await self._consume(name, policy, published, message)

    async def wake(self, *names: str) -> None:
        """Start the timed work of these services once, in their order, and deliver what follows."""
        for name in names:
            for timed in self.services[name].timed:
                await self._wake(name, timed)

    async def inject(self, name: str, event: Event, what: str) -> None:
        """Publish an event of the service as if it had found out about `what`, and deliver it."""
        outside = Outside(name, what)
        self.begin(name, outside)
        async with self.services[name].db.begin() as tx:
            publish(tx, event)
        await self.collect(name, outside)
        await self.deliver()

    @contextmanager
    def recorded(self) -> Iterator[list[Step]]:
        """Yield the list that holds, after the block, the steps made inside it."""
        steps: list[Step] = []
        first = len(self.steps)
        yield steps
        steps.extend(self.steps[first:])

    async def _consume(
        self, name: str, policy: Policy, published: Published, message: Message
    ) -> None:
        use_case = callable_name(policy.act)
        consumed = Consumed(published.service, name, published.event, published.status, use_case)
        self.begin(name, consumed)
        await self._inboxes[name].consume([message])
        await self.collect(name, consumed)

    async def _wake(self, name: str, timed: Timed) -> None:
        woke = Woke(name, timed_name(timed), timed.seconds)
        self.begin(name, woke)
        await timed.do(self.services[name].db)
        await self.collect(name, woke)
        if self.steps[-1] is woke:
            self.steps.pop()  # there was nothing to do
        await self.deliver()

    def _type_of(self, name: str, message: Message) -> type[Event]:
        return next(
            event for event in self.services[name].publishes if event.type_name() == message.type
        )

    def _listen_to_resources(self, name: str, service: Service) -> None:
        """Record the calls of everything outside that the service opened, by its public methods."""
        for resource in service.resources:
            for method, function in inspect.getmembers(resource, inspect.iscoroutinefunction):
                if not method.startswith("_"):
                    setattr(resource, method, self._listening(name, resource, method, function))

    def _listening(self, name: str, resource: object, method: str, function: Any) -> Any:
        called = Called(name, type(resource).__name__, method)

        async def listening(*args: Any, **kwargs: Any) -> Any:
            if name in self._working_on:  # what it has published by now came before the call
                await self.collect(name, self._working_on[name])
            at = len(self.steps)
            self.steps.append(called)
            try:
                return await function(*args, **kwargs)
            finally:
                if len(self.steps) > at + 1:
                    del self.steps[at]  # it was a call to another service, recorded as such

        return listening


def _status(event: type[Event], message: Message) -> str:
    """Return the event's own status: of its fields that end with `_status` there is at most one."""
    decoded = msgspec.json.decode(message.data, type=event)
    found = [
        str(getattr(decoded, name) or "")
        for name in event.__struct_fields__
        if name.endswith("_status")
    ]
    return next(iter(found), "")
