"""A message that is not from the only publisher of its event is refused and reported."""

from collections import Counter
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

import pytest
from sqlalchemy import select, update
from structlog.testing import capture_logs

from roadbike.kit.db import Database, Tx
from roadbike.kit.db.ids import new_id
from roadbike.kit.messaging import parked as parked_messages
from roadbike.kit.messaging import refused
from roadbike.kit.messaging.broker import Message
from roadbike.kit.messaging.broker.memory import MemoryBroker
from roadbike.kit.messaging.inbox import INBOX, Inbox
from roadbike.kit.messaging.parked import ParkedState
from roadbike.kit.messaging.refused import REFUSED, REFUSED_RETENTION
from roadbike.kit.process.runtime import Runtime
from roadbike.kit.process.service import whenever
from roadbike.kit.pure.events import RefusedEvent
from tests.kit.counter_service import CountUp, Neighbours, is_idle, running, service, wait_until
from tests.kit.counters import Incremented, increment, message, value
from tests.kit.parked_messages import FailingHandler, make_due, messages, parked
from tests.past import past

TRUE = message(Incremented(name="a"))
FORGED: dict[str, Message] = {
    "topic": replace(TRUE, topic="test.notes"),
    "source": replace(TRUE, source="counter"),
    "key": replace(TRUE, key="b"),
    "envelope": replace(TRUE, type="", source=""),
}


class Reset(Incremented, frozen=True, kw_only=True):
    """A counter was set, on the topic of another publisher."""

    topic: ClassVar[str] = "test.resets"
    source: ClassVar[str] = "resets"


@pytest.fixture
def alarms() -> Iterator[list[MutableMapping[str, Any]]]:
    with capture_logs() as logs:
        yield logs


def numbered(forged: Message, count: int) -> list[Message]:
    return [replace(forged, event_id=new_id()) for _ in range(count)]


async def refused_count(db: Database) -> int:
    async with db.read() as tx:
        return await refused.count(tx)


async def consumed_ids(db: Database) -> set[tuple[str, UUID]]:
    async with db.read() as tx:
        return {(row["topic"], row["event_id"]) for row in await tx.rows(select(INBOX))}


@pytest.mark.parametrize("wrong", FORGED)
async def test_a_message_of_another_publisher_is_refused_logged_and_counted(
    db: Database,
    inbox: Inbox,
    handler: FailingHandler,
    alarms: list[MutableMapping[str, Any]],
    wrong: str,
) -> None:
    forged = FORGED[wrong]

    await inbox.consume([forged, *messages("ab", start=1)])

    assert handler.done == [1, 2]
    assert await parked(db) == []
    assert await refused_count(db) == 1
    (alarm,) = [entry for entry in alarms if entry["event"] == "message.refused"]
    assert alarm["log_level"] == "error"
    named = {name: alarm[name] for name in ("event_id", "topic", "source", "type", "key")}
    assert named == {
        "event_id": str(forged.event_id),
        "topic": forged.topic,
        "source": forged.source,
        "type": forged.type,
        "key": forged.key,
    }


@pytest.mark.parametrize("wrong", FORGED)
async def test_a_refused_message_does_not_hide_the_true_one_with_its_id(
    db: Database, inbox: Inbox, wrong: str
) -> None:
    await inbox.consume([FORGED[wrong]])
    assert await consumed_ids(db) == set()

    await inbox.consume([TRUE])

    assert await value(db, "a") == 1


@pytest.mark.parametrize("wrong", FORGED)
async def test_a_parked_message_that_is_refused_makes_way_for_the_next_of_its_key(
    db: Database, inbox: Inbox, handler: FailingHandler, wrong: str
) -> None:
    forged = FORGED[wrong]
    async with db.begin() as tx:  # as an earlier version parked it
        await parked_messages.park(tx, forged, "it failed", attempts=1)
        await parked_messages.park(tx, replace(forged, event_id=new_id()), "waits behind it")
    await make_due(db)

    await inbox.retry_parked(db)

    assert handler.done == []
    assert await refused_count(db) == (0 if wrong == "envelope" else 2)
    assert len(await parked(db)) == (2 if wrong == "envelope" else 0)  # no policy: it ends as dead


@pytest.mark.parametrize("wrong", ["envelope", "topic", "source"])
async def test_800_foreign_messages_park_nothing_and_cost_one_transaction(
    db: Database, inbox: Inbox, handler: FailingHandler, wrong: str
) -> None:
    transactions = Counter[str]()
    begin = db.begin

    def counted() -> Any:
        transactions["begun"] += 1
        return begin()

    db.begin = counted  # type: ignore[method-assign]
    await inbox.consume([*numbered(FORGED[wrong], 800), *messages("a", start=1)])

    assert transactions["begun"] == 2  # one for those that are refused, one for the true message
    assert handler.done == [1]
    assert await refused_count(db) == 800
    for state in ParkedState:
        assert await parked(db, state) == []
    async with db.read() as tx:
        assert len(await tx.rows(select(REFUSED))) == 1  # so they cannot fill a table


async def test_an_event_that_its_use_case_refuses_is_rolled_back_and_not_parked(
    db: Database,
) -> None:
    async def use_case(tx: Tx, event: Incremented) -> None:
        await increment(tx, event.name)
        if event.value == 0:
            raise RefusedEvent("it contradicts what is known")

    inbox = Inbox(db, [whenever(Incremented, use_case)])
    first, second = messages("ab")
    await inbox.consume([first, second])

    assert [await value(db, name) for name in "ab"] == [0, 1]
    assert await parked(db) == []
    assert await refused_count(db) == 1
    assert await consumed_ids(db) == {(second.topic, second.event_id)}


async def test_ids_count_per_topic(db: Database) -> None:
    handler = FailingHandler()
    inbox = Inbox(db, [whenever(Incremented, handler), whenever(Reset, handler)])
    harmless = message(Reset(name="z", value=1))
    true = replace(message(Incremented(name="a", value=2)), event_id=harmless.event_id)

    await inbox.consume([harmless])
    await inbox.consume([true, true, harmless])

    assert handler.done == [1, 2]


async def test_a_parked_message_hides_no_other_topics_message_with_its_id_or_key(
    db: Database,
) -> None:
    handler = FailingHandler(1, 2)
    inbox = Inbox(db, [whenever(Incremented, handler), whenever(Reset, handler)])
    blocking = message(Reset(name="a", value=1))
    failing = replace(message(Incremented(name="b", value=2)), event_id=blocking.event_id)

    await inbox.consume([blocking, failing, message(Incremented(name="a", value=3))])

    assert handler.done == [3]
    assert {(row["topic"], row["key"]) for row in await parked(db)} == {
        ("test.resets", "a"),
        ("test.counters", "b"),
    }
    handler.fails_on = set()
    await make_due(db)
    await inbox.retry_parked(db)
    assert sorted(handler.done) == [1, 2, 3]


async def test_the_number_of_a_topic_is_kept_for_seven_days_after_its_last_refusal(
    db: Database, inbox: Inbox
) -> None:
    await inbox.consume(numbered(FORGED["source"], 3))
    await inbox.consume(numbered(FORGED["topic"], 2))
    async with db.begin() as tx:
        old = REFUSED.c.topic == FORGED["source"].topic
        at = await past(tx, REFUSED_RETENTION)
        await tx.execute(update(REFUSED).where(old).values(last_at=at))

    more = await db.transact(refused.delete_old)

    assert timedelta(days=7) == REFUSED_RETENTION
    assert not more
    assert await refused_count(db) == 2


@pytest.mark.parametrize("wrong", ["topic", "source", "key"])
def test_each_event_is_checked_against_its_message(wrong: str) -> None:
    event = Incremented(name="a")
    refused.check(event, TRUE)

    with pytest.raises(RefusedEvent):
        refused.check(event, FORGED[wrong])


async def test_long_texts_of_a_refused_message_are_cut_in_the_log(
    inbox: Inbox, alarms: Sequence[MutableMapping[str, Any]]
) -> None:
    await inbox.consume([replace(TRUE, source="x" * 5000), replace(TRUE, key="y" * 5000)])

    for entry in alarms:
        assert all(len(str(field)) < 200 for field in entry.values())
    assert len(alarms) == 2


async def test_the_status_counts_refused_messages_until_their_number_is_deleted(
    db: Database, count_up: CountUp, neighbours: Neighbours
) -> None:
    sender = MemoryBroker(neighbours.log)
    await sender.send([replace(TRUE, source="counter")])
    async with running(service(db, count_up), neighbours.log) as runtime:
        await wait_until(lambda: has_refused(runtime, 1))
        await wait_until(lambda: is_idle(runtime))  # else the message is delivered once more
    async with db.begin() as tx:
        long_ago = await past(tx, REFUSED_RETENTION)
        await tx.execute(update(REFUSED).values(last_at=long_ago))

    async with running(service(db, count_up), neighbours.log) as runtime:
        await wait_until(lambda: has_refused(runtime, 0))

    assert await value(db, "a") == 0


async def has_refused(runtime: Runtime, number: int) -> bool:
    return (await runtime.status()).refused == number
