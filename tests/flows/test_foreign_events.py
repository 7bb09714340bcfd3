"""No service believes another one about events that are not its own, whatever the message says.

The cases are made from the services themselves: a new policy or topic adds its own.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

import pytest

from roadbike.kit.db import Database, Tx
from roadbike.kit.db.database import metadata
from roadbike.kit.db.ids import new_id
from roadbike.kit.messaging import parked, refused
from roadbike.kit.messaging.broker import Message
from roadbike.kit.messaging.inbox import Inbox, Policy
from roadbike.kit.messaging.parked import ParkedState
from roadbike.kit.process.service import Service
from roadbike.kit.pure.events import Event
from tests.contracts.examples import EVENTS, EXAMPLES
from tests.flows.test_event_routes import SPECS, build
from tests.service_harness import message

SHOP: Final[dict[str, Service]] = {name: build(name) for name in SPECS}
POLICIES: Final = [(name, policy) for name in SPECS for policy in SHOP[name].policies]
TOPICS: Final = {service.publishes[0].topic for service in SHOP.values() if service.publishes}


class Recording:
    """Stands for the use case: what it is called with is what took effect."""

    def __init__(self, policy: Policy) -> None:
        self.policy = replace(policy, act=self._act)
        self.done: list[Event] = []

    async def _act(self, _tx: Tx, event: Event, _message: Message) -> None:
        self.done.append(event)


@asynccontextmanager
async def a_database() -> AsyncIterator[Database]:
    db = Database("sqlite+aiosqlite://")
    async with db.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield db
    await db.close()


def forgeries(true: Message, event: type[Event]) -> Iterator[Message]:
    """Yield every message that says the same but is not from the only publisher of the event."""
    for topic in TOPICS - {event.topic}:
        yield replace(true, topic=topic)
        yield from (replace(true, topic=topic, source=name) for name in SPECS)
    yield from (replace(true, source=name) for name in (*SPECS, "") if name != event.source)
    yield from (replace(true, key=key) for key in ("", "1" + true.key, true.key + "1"))
    yield replace(true, type="")


@pytest.mark.parametrize(
    ("service", "policy"),
    POLICIES,
    ids=[f"{name}-{policy.event.__name__}" for name, policy in POLICIES],
)
async def test_every_policy_refuses_every_other_topic_source_and_key(
    service: str, policy: Policy
) -> None:
    recording = Recording(policy)
    true = message(EXAMPLES[policy.event])
    forged = [replace(one, event_id=new_id()) for one in forgeries(true, policy.event)]
    async with a_database() as db:
        inbox = Inbox(db, [recording.policy])

        for one in forged:
            await inbox.consume([one])
        assert recording.done == [], f"{service} believed a foreign message"
        async with db.read() as tx:
            assert await refused.count(tx) == len(forged)
            assert await parked.count(tx, ParkedState.PARKED) == 0
        await inbox.consume([true])

    assert recording.done == [EXAMPLES[policy.event]]


def test_every_topic_has_one_publisher_and_every_publisher_one_topic() -> None:
    owners = {(event.topic, event.source) for event in EVENTS}

    assert len(owners) == len({topic for topic, _ in owners}) == len({who for _, who in owners})
    assert owners == {
        (event.topic, service.name) for service in SHOP.values() for event in service.publishes
    }


@pytest.mark.parametrize("name", SPECS)
def test_a_service_cannot_be_built_with_events_of_another(name: str) -> None:
    foreign: Any = next(event for event in EVENTS if event.source != name)

    with pytest.raises(ValueError, match="publishes as"):
        replace(SHOP[name], publishes=(*SHOP[name].publishes, foreign))
