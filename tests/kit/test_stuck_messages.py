"""Dead letters and stuck messages as a person sees, retries and dismisses them."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from structlog.testing import capture_logs

from roadbike.kit.audit_log import AUDIT_LOG
from roadbike.kit.db import Database
from roadbike.kit.messaging import dead_letters
from roadbike.kit.messaging.inbox import Inbox
from roadbike.kit.messaging.parked import (
    ALARM_ATTEMPTS,
    MAX_ATTEMPTS,
    PARKED,
    ParkedState,
    count_stuck,
    wait_after,
)
from roadbike.kit.pure.letters import DeadLetter
from tests.kit.parked_messages import FailingHandler, make_due, messages, parked, parked_after


def test_a_message_is_stuck_after_two_minutes_and_dead_after_eight_hours() -> None:
    def after(attempts: int) -> timedelta:
        return sum((wait_after(number) for number in range(1, attempts)), timedelta())

    assert after(ALARM_ATTEMPTS) == timedelta(minutes=2, seconds=3)
    assert timedelta(hours=8) <= after(MAX_ATTEMPTS) < timedelta(hours=8, minutes=1)


async def listed(db: Database, *, everything: bool = False) -> list[DeadLetter]:
    async with db.read() as tx:
        letters, total = await dead_letters.listed(tx, everything=everything)
    assert total == len(letters)
    return list(letters)


async def test_a_message_whose_retries_fail_is_reported_once_and_still_retried(
    db: Database, inbox: Inbox, handler: FailingHandler
) -> None:
    handler.fails_on = {0}
    await inbox.consume(messages("ab"))
    await parked_after(db, attempts=ALARM_ATTEMPTS - 1)

    with capture_logs() as logs:
        for _ in range(2):
            await make_due(db)
            await inbox.retry_parked(db)

    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["message.stuck"]
    (letter,) = await listed(db)
    assert (letter.key, letter.state, letter.attempts) == ("a", "stuck", ALARM_ATTEMPTS + 1)
    async with db.read() as tx:
        assert await count_stuck(tx) == 1

    handler.fails_on = set()
    await make_due(db)
    await inbox.retry_parked(db)
    assert handler.done == [1, 0]
    assert await listed(db, everything=True) == []


async def audit_log(db: Database) -> Sequence[Any]:
    async with db.read() as tx:
        return list(await tx.rows(select(AUDIT_LOG).order_by(AUDIT_LOG.c.seq)))


async def dead(db: Database, inbox: Inbox, handler: FailingHandler, names: str) -> list[DeadLetter]:
    """Make a dead letter of each of these messages."""
    handler.fails_on = set(range(len(names)))
    await inbox.consume(messages(names))
    await parked_after(db, attempts=MAX_ATTEMPTS - 1)
    await inbox.retry_parked(db)
    letters = await listed(db)
    assert [letter.state for letter in letters] == ["dead"] * len(names)
    return letters


async def test_a_retried_letter_takes_effect_once(
    db: Database, inbox: Inbox, handler: FailingHandler
) -> None:
    one, other = await dead(db, inbox, handler, "ab")
    handler.fails_on = set()

    changed = await db.transact(lambda tx: dead_letters.retry(tx, [one.id, 999_999], "kim"))
    await inbox.retry_parked(db)
    again = await db.transact(lambda tx: dead_letters.retry(tx, [one.id], "kim"))

    assert (changed, again) == ([one.id], [])
    assert handler.done == [0]
    assert await listed(db) == [other]
    (entry,) = await audit_log(db)
    assert (entry["actor"], entry["kind"], entry["action"]) == ("operator:kim", "event", "retried")
    assert (entry["thing"], entry["why"]) == (one.key, None)
    assert json.loads(entry["new_values"]) == {"event": one.type, "letter": one.id}


async def test_a_retried_letter_that_fails_again_has_all_its_attempts_before_it(
    db: Database, inbox: Inbox, handler: FailingHandler
) -> None:
    await dead(db, inbox, handler, "a")

    await db.transact(lambda tx: dead_letters.retry(tx, None, "kim"))
    await inbox.retry_parked(db)

    (row,) = await parked(db)
    assert row["attempts"] == 1
    assert await listed(db) == []


async def test_a_dismissed_letter_is_kept_with_who_and_why_and_never_processed(
    db: Database, inbox: Inbox, handler: FailingHandler
) -> None:
    (letter,) = await dead(db, inbox, handler, "a")
    handler.fails_on = set()

    with capture_logs() as logs:
        await db.transact(lambda tx: dead_letters.dismiss(tx, [letter.id], "kim", "a test order"))
    for change in (
        lambda tx: dead_letters.dismiss(tx, [letter.id], "lee", "another reason"),
        lambda tx: dead_letters.retry(tx, [letter.id], "lee"),
        lambda tx: dead_letters.retry(tx, None, "lee"),
    ):
        assert await db.transact(change) == []
    await make_due(db)
    await inbox.retry_parked(db)
    await inbox.consume(messages("a", start=5))

    assert handler.done == [5]
    assert await listed(db) == []
    (kept,) = await listed(db, everything=True)
    assert (kept.state, kept.dismissed_by, kept.dismissed_why) == (
        "dismissed",
        "kim",
        "a test order",
    )
    (line,) = logs
    assert (line["event"], line["by"], line["why"]) == ("message.dismissed", "kim", "a test order")
    (entry,) = await audit_log(db)
    assert (entry["actor"], entry["action"], entry["why"]) == (
        *("operator:kim", "dismissed", "a test order"),
    )


async def test_all_that_need_a_person_are_changed_and_no_other(
    db: Database, inbox: Inbox, handler: FailingHandler
) -> None:
    await dead(db, inbox, handler, "ab")
    handler.fails_on = {7}
    await inbox.consume(messages("cc", start=7))

    ids = await db.transact(lambda tx: dead_letters.dismiss(tx, None, "kim", "all of them"))

    assert len(ids) == 2
    assert [row["key"] for row in await parked(db)] == ["c", "c"]
    assert len(await parked(db, ParkedState.DISMISSED)) == 2


async def test_a_letter_is_shown_with_its_data_and_age(
    db: Database, inbox: Inbox, handler: FailingHandler
) -> None:
    (letter,) = await dead(db, inbox, handler, "a")
    async with db.begin() as tx:
        day_ago = (await tx.now()) - timedelta(days=1)
        await tx.execute(update(PARKED).values(parked_at=day_ago))

    async with db.read() as tx:
        shown = await dead_letters.found(tx, letter.id)
        unknown = await dead_letters.found(tx, letter.id + 1)

    assert unknown is None
    assert shown is not None
    assert 86_400 <= shown.age_seconds < 86_460
    assert shown.data is not None
    assert '"name":"a"' in shown.data
    assert shown.error == "LookupError('failed on 0')"


@pytest.mark.parametrize("everything", [True, False])
async def test_a_row_that_earlier_code_has_parked_has_an_age(
    db: Database, inbox: Inbox, handler: FailingHandler, *, everything: bool
) -> None:
    await dead(db, inbox, handler, "a")
    async with db.begin() as tx:
        await tx.execute(update(PARKED).values(parked_at=None))

    (letter,) = await listed(db, everything=everything)

    assert letter.age_seconds >= 0
