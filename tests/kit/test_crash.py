"""Processes that die at the worst moments, for real: nothing is lost, nothing happens twice."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import func, select, update

from roadbike.kit.crash import KILLED, crash_points, never
from roadbike.kit.db import Database
from roadbike.kit.db.lease import LEASE
from roadbike.kit.messaging import relay
from roadbike.kit.messaging.broker import Message
from roadbike.kit.messaging.inbox import INBOX
from roadbike.kit.messaging.outbox import publish
from tests.kit import dying
from tests.kit.things import Raised, message, value

Die = Callable[[str, str], Awaitable[int]]


@pytest.fixture
def run(database_url: str, tmp_path: Path) -> Die:
    """Run `dying.py` with that work and crash plan; its exit code."""

    async def start(work: str, crash: str = "") -> int:
        command = [sys.executable, "-m", dying.__name__, work, database_url, str(tmp_path), crash]
        process = await asyncio.create_subprocess_exec(*command, cwd=Path(__file__).parents[2])
        return await process.wait()

    return start


async def unpublished(db: Database) -> int:
    async with db.read() as tx:
        return (await relay.count(tx))["unsent"]


async def expire_lease(db: Database) -> None:
    async with db.begin() as tx:
        await tx.execute(update(LEASE).values(until=(await tx.now()) - timedelta(seconds=1)))


def published(folder: Path) -> list[Message]:
    path = folder / "published"
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [msgspec.json.decode(line, type=Message) for line in lines]


@pytest.mark.parametrize(
    ("point", "times"), [("outbox.before_publish", 1), ("outbox.after_publish", 2)]
)
async def test_a_relay_that_is_killed_publishes_again_under_the_same_ids(
    db: Database, run: Die, tmp_path: Path, point: str, times: int
) -> None:
    async with db.begin() as tx:
        publish(tx, Raised(name="a"))
        publish(tx, Raised(name="b"))

    killed = await run("relay", f"{point}:1")
    left = await unpublished(db)
    await expire_lease(db)
    ended = await run("relay", f"{point}:2")  # hit once only, so it lives

    assert (killed, ended, left, await unpublished(db)) == (KILLED, 0, 2, 0)
    assert [one.key for one in published(tmp_path)] == ["a", "b"] * times
    assert len({one.event_id for one in published(tmp_path)}) == 2


@pytest.mark.parametrize(
    ("point", "before"), [("inbox.before_commit", 0), ("inbox.after_commit", 1)]
)
async def test_a_listener_that_is_killed_acts_once(
    db: Database, run: Die, tmp_path: Path, point: str, before: int
) -> None:
    delivered = [message(Raised(name="a")), message(Raised(name="b"))]
    lines = b"\n".join(msgspec.json.encode(one) for one in delivered)
    (tmp_path / "delivered").write_bytes(lines)

    killed = await run("take", f"{point}:1")
    left = [await value(db, name) for name in "ab"]
    ended = await run("take", "")  # they were not acknowledged

    async with db.read() as tx:
        seen = await tx.scalar(select(func.count()).select_from(INBOX))
    assert (killed, ended) == (KILLED, 0)
    assert left == [before, before]
    assert [await value(db, name) for name in "ab"] == [1, 1]
    assert (seen, await unpublished(db)) == (2, 2)


def test_without_a_plan_nothing_dies() -> None:
    assert crash_points("") is never


def test_a_point_that_is_not_in_the_plan_is_passed() -> None:
    crash_points("a:1,b:3")("c")
