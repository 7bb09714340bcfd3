"""Dead letters: messages that always fail are kept, and the later ones of their key continue."""

from dataclasses import replace

import pytest

from roadbike.kit.db import Database
from roadbike.kit.messaging.inbox import Inbox
from roadbike.kit.messaging.parked import MAX_ATTEMPTS, ParkedState, count
from roadbike.kit.process.service import whenever
from tests.kit.counters import Incremented, message
from tests.kit.parked_messages import FailingHandler, make_due, messages, parked, parked_after


async def test_a_message_that_always_fails_becomes_a_dead_letter_and_frees_its_key(
    db: Database, inbox: Inbox, handler: FailingHandler
) -> None:
    handler.fails_on = {0}
    await inbox.consume(messages("aa"))
    await parked_after(db, attempts=MAX_ATTEMPTS - 1)
    await inbox.retry_parked(db)
    await make_due(db)
    await inbox.retry_parked(db)

    await inbox.consume(messages("a", start=2))

    (dead,) = await parked(db, ParkedState.DEAD)
    assert (dead["attempts"], dead["error"]) == (MAX_ATTEMPTS, "LookupError('failed on 0')")
    assert handler.tried.count(0) == 3  # in the batch, alone, and the last retry
    assert handler.done == [1, 2]
    assert await parked(db) == []


async def test_a_dead_letter_is_not_retried(
    db: Database, inbox: Inbox, handler: FailingHandler
) -> None:
    handler.fails_on = {0}
    batch = messages("a")
    await inbox.consume(batch)
    await parked_after(db, attempts=MAX_ATTEMPTS - 1)
    await inbox.retry_parked(db)
    handler.fails_on, handler.tried = set(), []

    await make_due(db)
    await inbox.retry_parked(db)
    await inbox.consume(batch)

    assert handler.tried == []
    async with db.read() as tx:
        assert await count(tx, ParkedState.DEAD) == 1


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff\xfe", b"null", b"[]", b'{"name":1}', b"{}", b"x" * 1_000_000]
)
async def test_undecodable_data_is_parked_with_the_error(
    db: Database, inbox: Inbox, handler: FailingHandler, data: bytes
) -> None:
    undecodable = message(Incremented(name="a"), data=data)

    await inbox.consume([undecodable, *messages("b")])

    (row,) = await parked(db)
    assert (row["event_id"], bytes(row["data"])) == (undecodable.event_id, data)
    assert row["error"].startswith(("DecodeError(", "ValidationError("))
    assert handler.done == [0]


@pytest.mark.parametrize("field", ["key", "type", "traceparent"])
async def test_an_envelope_with_too_long_text_is_parked(
    db: Database, inbox: Inbox, handler: FailingHandler, field: str
) -> None:
    undecodable = message(Incremented(name="a"), data=b"?")
    too_long = replace(undecodable, **{field: "x" * 500})  # type: ignore[arg-type]
    if field == "type":
        inbox = Inbox(db, [whenever(LongNamed, handler)])

    await inbox.consume([too_long])

    assert len(await parked(db)) == 1


class LongNamed(Incremented, frozen=True, kw_only=True):
    @classmethod
    def type_name(cls) -> str:
        return "x" * 500


async def test_a_parked_message_without_a_policy_counts_a_failure(
    db: Database, inbox: Inbox, handler: FailingHandler
) -> None:
    handler.fails_on = {0}
    await inbox.consume(messages("a"))
    await make_due(db)

    await Inbox(db, []).retry_parked(db)

    (row,) = await parked(db)
    assert (row["attempts"], "any more" in row["error"]) == (2, True)
