"""Fixtures for the tests of kit: real databases with kit's tables and a table of counters."""

import pytest

from roadbike.kit.db import Database
from roadbike.kit.messaging.broker.memory import MemoryBroker, MemoryLog
from roadbike.kit.messaging.inbox import Inbox
from roadbike.kit.process.service import whenever
from tests.conftest import COUNTERS, Dialect, NewDatabase, OpenDatabase
from tests.kit.counter_service import CountUp, Neighbours
from tests.kit.counters import Incremented, Noted
from tests.kit.parked_messages import FailingHandler
from tests.kit.recording_broker import RecordingBroker


@pytest.fixture
def database_url(dialect: Dialect, new_database: NewDatabase) -> str:
    """A database with kit's tables and the table of counters."""
    return new_database(dialect, COUNTERS)


@pytest.fixture
def empty_database_url(dialect: Dialect, new_database: NewDatabase) -> str:
    return new_database(dialect)


@pytest.fixture
async def db(open_database: OpenDatabase, database_url: str) -> Database:
    return open_database(database_url)


@pytest.fixture
async def broker() -> RecordingBroker:
    broker = RecordingBroker(MemoryLog())
    await broker.set_up({Incremented.topic: ("consumer",)})
    return broker


@pytest.fixture
def handler() -> FailingHandler:
    return FailingHandler()


@pytest.fixture
def inbox(db: Database, handler: FailingHandler) -> Inbox:
    return Inbox(db, [whenever(Incremented, handler)])


@pytest.fixture
def count_up() -> CountUp:
    return CountUp()


@pytest.fixture
async def neighbours() -> Neighbours:
    log = MemoryLog()
    publisher, consumer = MemoryBroker(log), MemoryBroker(log)
    await publisher.set_up({Incremented.topic: ("counter",), Noted.topic: ("consumer",)})
    return Neighbours(log, publisher, await consumer.subscribe("consumer", Noted.topic))
