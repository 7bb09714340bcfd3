"""A small domain for the tests of kit: counters, and the events that they publish."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import ClassVar, Final

import msgspec
from sqlalchemy import Column, Integer, MetaData, String, Table

from roadbike.kit.db import Database, Tx
from roadbike.kit.db import metadata as kit_metadata
from roadbike.kit.db.ids import new_id
from roadbike.kit.db.rows import Rows
from roadbike.kit.messaging.broker import Message
from roadbike.kit.messaging.outbox import publish
from roadbike.kit.pure.events import Event

metadata: Final = MetaData()

COUNTERS: Final = Table(
    "counters",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("value", Integer, nullable=False),
    Column("row_version", Integer, nullable=False),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Counter:
    name: str
    value: int = 0
    row_version: int = 0


class Incremented(Event, frozen=True, kw_only=True):
    """A counter was incremented."""

    namespace: ClassVar[str] = "test"
    kind: ClassVar[str] = "counter"
    topic: ClassVar[str] = "test.counters"
    source: ClassVar[str] = "counters"

    name: str
    value: int = 0
    text: str = ""

    @property
    def key(self) -> str:
        return self.name


class Noted(Event, frozen=True, kw_only=True):
    """A service has consumed an Incremented event."""

    namespace: ClassVar[str] = "test"
    kind: ClassVar[str] = "note"
    topic: ClassVar[str] = "test.notes"
    source: ClassVar[str] = "counter"

    name: str

    @property
    def key(self) -> str:
        return self.name


counters: Final = Rows(COUNTERS, Counter)


async def increment(tx: Tx, name: str) -> Counter:
    """Load, change, save, publish: what every use case does."""
    counter = await counters.locked(tx, name) or Counter(name=name)
    raised = replace(counter, value=counter.value + 1)
    counters.save(tx, raised)
    publish(tx, Incremented(name=name, value=raised.value))
    return raised


async def value(db: Database, name: str) -> int:
    async with db.read() as tx:
        counter = await counters.get(tx, name)
    return counter.value if counter else 0


async def make_tables(db: Database) -> None:
    """Create kit's tables and the table of counters."""
    async with db.engine.begin() as connection:
        await connection.run_sync(kit_metadata.create_all)
        await connection.run_sync(metadata.create_all)


def message(
    event: Event,
    *,
    data: bytes | None = None,
    type_: str | None = None,
    traceparent: str | None = None,
) -> Message:
    """Return the event in its envelope, as a broker delivers it."""
    return Message(
        event_id=new_id(),
        type=event.type_name() if type_ is None else type_,
        source=event.source,
        topic=event.topic,
        key=event.key,
        time=datetime.now(UTC),
        traceparent=traceparent,
        data=msgspec.json.encode(event) if data is None else data,
    )
