"""Each batch of events is one log line with all keys and traces; parked and refused ones, too."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from roadbike.kit.db import Database, Tx
from roadbike.kit.messaging.inbox import Inbox
from roadbike.kit.messaging.outbox import publish_all
from roadbike.kit.messaging.relay import Relay
from roadbike.kit.process.service import whenever
from roadbike.kit.pure.events import Event
from roadbike.kit.trace import tracing
from tests.contracts.examples import EVENTS, EXAMPLES
from tests.kit.counters import Incremented, increment, message
from tests.kit.recording_broker import RecordingBroker

CANARY = "canary-9f2c"
PERSONAL = {"userNm", "telNo", "zipCd", "addrNm"}
FIRST, SECOND = (f"00-{digit * 32}-{'1' * 16}-01" for digit in "ab")


async def count_up(tx: Tx, event: Incremented) -> None:
    if event.name == "bad":
        raise LookupError("no such counter")
    await increment(tx, event.name)


async def ignore(_tx: Tx, _event: Event) -> None:
    """The use case for an event that only has to be decoded."""


@pytest.fixture
def inbox(db: Database) -> Inbox:
    return Inbox(db, [whenever(Incremented, count_up)])


def named(logs: Any, *names: str) -> list[dict[str, Any]]:
    return [dict(line) for line in logs if line["event"] in names]


async def test_a_batch_that_is_consumed_is_one_line(inbox: Inbox) -> None:
    repeated = message(Incremented(name="c"))
    await inbox.consume([repeated])

    with capture_logs() as logs:
        await inbox.consume(
            [
                message(Incremented(name="a"), traceparent=FIRST),
                message(Incremented(name="b"), traceparent=SECOND),
                message(Incremented(name="a")),
                repeated,
            ]
        )

    assert logs == [
        {
            "event": "events.consumed",
            "log_level": "info",
            "count": 3,
            "types": {"test.Incremented.v1": 3},
            "keys": ["a", "b", "a"],
            "traces": ["a" * 32, "b" * 32, ""],
        }
    ]


async def test_a_batch_that_is_sent_is_one_line(db: Database, broker: RecordingBroker) -> None:
    with tracing(FIRST):
        await db.transact(lambda tx: _publish(tx, "a", "b"))

    with capture_logs() as logs:
        await Relay(db, broker, "tests").relay_once()

    (line,) = named(logs, "events.sent")
    assert (line["count"], line["keys"], line["traces"]) == (2, ["a", "b"], ["a" * 32] * 2)


async def _publish(tx: Tx, *names: str) -> None:
    publish_all(tx, [Incremented(name=name) for name in names])


async def test_a_parked_message_is_one_line_with_its_trace(inbox: Inbox) -> None:
    bad = message(Incremented(name="bad"), traceparent=FIRST)

    with capture_logs() as logs:
        await inbox.consume([bad, message(Incremented(name="a"), traceparent=SECOND)])

    (parked,) = named(logs, "message.parked")
    assert (parked["key"], parked["trace"], parked["attempts"]) == ("bad", "a" * 32, 1)
    assert parked["event_id"] == str(bad.event_id)
    assert [line["keys"] for line in named(logs, "events.consumed")] == [["a"]]


async def test_a_refused_message_is_one_line_with_its_trace(inbox: Inbox) -> None:
    forged = replace(message(Incremented(name="a"), traceparent=FIRST), source="mallory")

    with capture_logs() as logs:
        await inbox.consume([forged])

    (line,) = logs
    assert (line["event"], line["source"], line["trace"]) == (
        "message.refused",
        "mallory",
        "a" * 32,
    )


@pytest.mark.parametrize("event", EVENTS)
async def test_no_line_has_personal_data_of_an_event(db: Database, event: type[Event]) -> None:
    inbox = Inbox(db, [whenever(event, ignore)])
    example = EXAMPLES[event]
    fields = msgspec.to_builtins(example)
    marked = fields | dict.fromkeys(PERSONAL & fields.keys(), CANARY)
    broken = marked | {"version": "one"}

    with capture_logs() as logs:
        await inbox.consume([message(example, data=msgspec.json.encode(marked))])
        await inbox.consume([message(example, data=msgspec.json.encode(broken))])
        await inbox.consume([message(example, data=CANARY.encode())])
        forged = message(example, data=msgspec.json.encode(marked))
        await inbox.consume([replace(forged, source="mallory")])

    assert {"events.consumed", "message.parked", "message.refused"} <= {
        line["event"] for line in logs
    }
    assert CANARY not in repr(logs)
