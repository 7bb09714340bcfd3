"""Processes killed at their crash points: no event is lost, no event takes effect twice."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import func, select

from roadbike.kit.crash import KILLED, crash_points, never_crash
from roadbike.kit.db import Database
from roadbike.kit.messaging.broker import Message
from roadbike.kit.messaging.inbox import INBOX
from roadbike.kit.messaging.outbox import publish
from tests.kit import crashing_process
from tests.kit.counters import Incremented, message, value
from tests.kit.outbox_helpers import expire_lease, unsent_count

Run = Callable[[str, str], Awaitable[int]]


@pytest.fixture
def run(database_url: str, tmp_path: Path) -> Run:
    """Return a function that runs crashing_process.py and returns its exit code."""

    async def start(work: str, crash: str = "") -> int:
        command = [
            sys.executable,
            "-m",
            crashing_process.__name__,
            work,
            database_url,
            str(tmp_path),
            crash,
        ]
        process = await asyncio.create_subprocess_exec(*command, cwd=Path(__file__).parents[2])
        return await process.wait()

    return start


def sent_messages(folder: Path) -> list[Message]:
    path = folder / "sent"
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [msgspec.json.decode(line, type=Message) for line in lines]


@pytest.mark.parametrize(("point", "times"), [("relay.before_send", 1), ("relay.after_send", 2)])
async def test_a_killed_relay_sends_again_under_the_same_ids(
    db: Database, run: Run, tmp_path: Path, point: str, times: int
) -> None:
    async with db.begin() as tx:
        publish(tx, Incremented(name="a"))
        publish(tx, Incremented(name="b"))

    killed = await run("relay", f"{point}:1")
    left = await unsent_count(db)
    await expire_lease(db)
    ended = await run("relay", f"{point}:2")  # reached only once, so the process survives

    assert (killed, ended, left, await unsent_count(db)) == (KILLED, 0, 2, 0)
    assert [m.key for m in sent_messages(tmp_path)] == ["a", "b"] * times
    assert len({m.event_id for m in sent_messages(tmp_path)}) == 2


@pytest.mark.parametrize(
    ("point", "before"), [("inbox.before_commit", 0), ("inbox.after_commit", 1)]
)
async def test_a_killed_consumer_acts_once(
    db: Database, run: Run, tmp_path: Path, point: str, before: int
) -> None:
    delivered = [message(Incremented(name="a")), message(Incremented(name="b"))]
    lines = b"\n".join(msgspec.json.encode(m) for m in delivered)
    (tmp_path / "delivered").write_bytes(lines)

    killed = await run("consume", f"{point}:1")
    left = [await value(db, name) for name in "ab"]
    ended = await run("consume", "")  # they were not acknowledged

    async with db.read() as tx:
        inbox_rows = await tx.scalar(select(func.count()).select_from(INBOX))
    assert (killed, ended) == (KILLED, 0)
    assert left == [before, before]
    assert [await value(db, name) for name in "ab"] == [1, 1]
    assert (inbox_rows, await unsent_count(db)) == (2, 2)


def test_without_a_plan_no_process_is_killed() -> None:
    assert crash_points("") is never_crash


def test_a_point_that_is_not_in_the_plan_does_nothing() -> None:
    crash_points("a:1,b:3")("c")
