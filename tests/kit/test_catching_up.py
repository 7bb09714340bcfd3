"""A service finds out that it is behind, and catches up when its group has reached the ends."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from roadbike.kit.db import Database, Tx
from roadbike.kit.messaging.broker import Subscription
from roadbike.kit.messaging.broker.memory import MemoryBroker, MemoryLog
from roadbike.kit.messaging.catching_up import BACKLOG, CatchingUp, CatchUp, Ends
from tests.kit.broker.messages import TOPIC, fetch_all, messages

GROUP = "mypage"


@dataclass
class Noted:
    """The ends as replicas share them, and how often the service was asked to finish."""

    ends: Ends | None = None
    finished: int = 0
    steps: int = 1
    history: list[Ends | None] = field(default_factory=list)

    def hooks(self) -> CatchUp:
        async def ends(_tx: Tx) -> Ends | None:
            return self.ends

        async def change(_tx: Tx, before: Ends | None, after: Ends) -> None:
            if self.ends == before:
                self.ends = after
                self.history.append(after)

        async def finish(_tx: Tx, ends: Ends) -> bool:
            assert ends == self.ends
            self.finished += 1
            if self.finished < self.steps:
                return True
            self.ends = None
            return False

        return CatchUp(ends=ends, change=change, finish=finish)


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
async def broker(log: MemoryLog) -> MemoryBroker:
    broker = MemoryBroker(log)
    await broker.set_up({TOPIC: [GROUP]})
    return broker


Replica = Callable[[Noted], CatchingUp]


@pytest.fixture
def replica(db: Database, broker: MemoryBroker) -> Replica:
    def make(noted: Noted) -> CatchingUp:
        return CatchingUp(db, broker, GROUP, [TOPIC, "a.topic.that.is.missing"], noted.hooks())

    return make


async def consume(subscription: Subscription, count: int) -> None:
    await subscription.ack(await fetch_all(subscription, count))


async def test_a_service_without_a_backlog_is_not_behind(replica: Replica) -> None:
    noted = Noted()
    looks = replica(noted)

    assert not await looks.look()

    assert looks.looked.is_set()
    assert (noted.history, noted.finished) == ([], 0)


async def test_a_backlog_at_the_start_is_caught_up_with_when_its_end_is_reached(
    replica: Replica, broker: MemoryBroker
) -> None:
    noted = Noted(steps=3)
    looks, subscription = replica(noted), await broker.subscribe(GROUP, TOPIC)
    await broker.send(messages(3))

    seen = [await looks.look()]
    await broker.send(messages(5))  # later messages are not waited for
    await consume(subscription, 2)
    seen.append(await looks.look())
    await consume(subscription, 1)
    seen.append(await looks.look())

    assert seen == [True, True, False]
    assert noted.finished == 3
    assert [list(ends.topics) for ends in noted.history if ends] == [[TOPIC]]


async def test_any_replica_goes_on_with_the_ends_that_another_has_noted(
    replica: Replica, broker: MemoryBroker
) -> None:
    noted = Noted()
    await broker.send(messages(2))
    assert await replica(noted).look()  # and then it is killed

    await consume(await broker.subscribe(GROUP, TOPIC), 2)
    other = replica(noted)

    assert not await other.look()
    assert noted.finished == 1


async def test_a_running_service_is_behind_with_a_large_backlog_only(
    replica: Replica, broker: MemoryBroker
) -> None:
    noted = Noted()
    looks = replica(noted)
    await looks.look()

    await broker.send(messages(BACKLOG))
    unnoticed = await looks.look()
    looks.note_full_batch()
    small = await looks.look()
    await broker.send(messages(1))
    looks.note_full_batch()
    large = await looks.look()

    assert (unnoticed, small, large) == (False, False, True)


async def test_the_end_of_a_lost_log_is_replaced_by_that_of_the_new_one(
    replica: Replica, broker: MemoryBroker, log: MemoryLog
) -> None:
    noted = Noted()
    looks = replica(noted)
    await broker.send(messages(9))
    await looks.look()

    log.lose()
    await broker.send(messages(2))
    behind = await looks.look()
    await consume(await broker.subscribe(GROUP, TOPIC), 2)

    assert behind
    assert [ends.topics[TOPIC].positions for ends in noted.history if ends] == [{0: 9}, {0: 2}]
    assert not await looks.look()
