"""The kit is tested on real databases that hold its own tables and a tiny trade's."""

from collections.abc import Callable

import pytest

from roadbike.kit.db import Database
from roadbike.kit.messaging.broker.memory import MemoryBroker, MemoryLog
from roadbike.kit.messaging.inbox import Inbox
from roadbike.kit.process.service import whenever
from tests.kit.brokers import WatchedBroker
from tests.kit.parking import Handler
from tests.kit.things import Noted, Raised, make_tables
from tests.kit.tiny import CountUp, Neighbours


@pytest.fixture
async def db(open_database: Callable[[str], Database], database_url: str) -> Database:
    database = open_database(database_url)
    await make_tables(database)
    return database


@pytest.fixture
async def broker() -> WatchedBroker:
    broker = WatchedBroker(MemoryLog())
    await broker.declare(Raised.topic)
    return broker


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
def inbox(db: Database, handler: Handler) -> Inbox:
    return Inbox(db, [whenever(Raised, handler)])


@pytest.fixture
def count_up() -> CountUp:
    return CountUp()


@pytest.fixture
async def neighbours() -> Neighbours:
    log = MemoryLog()
    publisher, consumer = MemoryBroker(log), MemoryBroker(log)
    for topic in (Raised.topic, Noted.topic):
        await publisher.declare(topic)
    return Neighbours(log, publisher, await consumer.subscribe("consumer", Noted.topic))
