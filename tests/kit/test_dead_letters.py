"""What can never take effect is kept for a person, and its key goes on."""

from dataclasses import replace

import pytest

from roadbike.kit.db import Database
from roadbike.kit.messaging.inbox import Inbox
from roadbike.kit.messaging.parked import ATTEMPTS, ParkedState, count
from roadbike.kit.process.service import whenever
from tests.kit.parking import Handler, make_due, messages, parked
from tests.kit.things import Raised, message


async def test_what_never_succeeds_is_a_dead_letter_and_its_key_goes_on(
    db: Database, inbox: Inbox, handler: Handler
) -> None:
    handler.bad = {0}
    await inbox.take(messages("aa"))
    for _ in range(ATTEMPTS - 1):
        await make_due(db)
        await inbox.retry_parked(db)
    await make_due(db)
    await inbox.retry_parked(db)

    await inbox.take(messages("a", start=2))

    (dead,) = await parked(db, ParkedState.DEAD)
    assert (dead["attempts"], dead["error"]) == (ATTEMPTS, "LookupError('no 0')")
    assert handler.tried.count(0) == ATTEMPTS + 1  # and once in the batch that it spoiled
    assert handler.done == [1, 2]
    assert await parked(db) == []


async def test_a_dead_letter_is_not_tried_again(
    db: Database, inbox: Inbox, handler: Handler
) -> None:
    handler.bad = {0}
    sent = messages("a")
    await inbox.take(sent)
    for _ in range(ATTEMPTS):
        await make_due(db)
        await inbox.retry_parked(db)
    handler.bad, handler.tried = set(), []

    await make_due(db)
    await inbox.retry_parked(db)
    await inbox.take(sent)

    assert handler.tried == []
    async with db.read() as tx:
        assert await count(tx, ParkedState.DEAD) == 1


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff\xfe", b"null", b"[]", b'{"name":1}', b"{}", b"x" * 1_000_000]
)
async def test_poison_is_parked_with_its_reason(
    db: Database, inbox: Inbox, handler: Handler, data: bytes
) -> None:
    poison = message(Raised(name="a"), data=data)

    await inbox.take([poison, *messages("b")])

    (row,) = await parked(db)
    assert (row["event_id"], bytes(row["data"])) == (poison.event_id, data)
    assert row["error"].startswith(("DecodeError(", "ValidationError("))
    assert handler.done == [0]


async def test_an_envelope_that_nobody_can_read_is_parked(
    db: Database, inbox: Inbox, handler: Handler
) -> None:
    unreadable = message(Raised(name="a"), type_="", data=b"?")

    await inbox.take([unreadable, *messages("b")])

    (row,) = await parked(db)
    assert (row["event_id"], row["type"]) == (unreadable.event_id, "")
    assert "envelope" in row["error"]
    assert handler.done == [0]


@pytest.mark.parametrize("field", ["key", "type", "source", "traceparent"])
async def test_an_envelope_of_strange_length_stops_nobody(
    db: Database, inbox: Inbox, handler: Handler, field: str
) -> None:
    unreadable = message(Raised(name="a"), type_="", data=b"?")
    strange = replace(unreadable, **{field: "x" * 500})  # type: ignore[arg-type]
    if field == "type":
        inbox = Inbox(db, [whenever(LongNamed, handler)])

    await inbox.take([strange])

    assert len(await parked(db)) == 1


class LongNamed(Raised, frozen=True, kw_only=True):
    @classmethod
    def type_name(cls) -> str:
        return "x" * 500


async def test_a_reaction_that_is_gone_since_is_a_failure_like_any_other(
    db: Database, inbox: Inbox, handler: Handler
) -> None:
    handler.bad = {0}
    await inbox.take(messages("a"))
    await make_due(db)

    await Inbox(db, []).retry_parked(db)

    (row,) = await parked(db)
    assert (row["attempts"], "any more" in row["error"]) == (2, True)
