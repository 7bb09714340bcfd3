"""Claimed work: so many at a time, old failures leave room, and what is locked is tried again."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import roadbike
from roadbike.kit.db import Database, Tx
from roadbike.kit.db.claims import (
    AT_A_TIME,
    PAUSES,
    RETRIES_AT_A_TIME,
    Notes,
    work_on_claimed,
)

SOURCES = Path(roadbike.__file__).parent


class Backlog:
    """Work to claim; `works` keeps what is worked on now, until `done` is set for it."""

    def __init__(self, new: int, again: int) -> None:
        self.new = [f"new {number}" for number in range(new)]
        self.again = [f"again {number}" for number in range(again)]
        self.works: dict[str, asyncio.Event] = {}
        self.changed = asyncio.Event()

    async def claim(self, new: int, again: int) -> tuple[Sequence[str], Sequence[str]]:
        fresh, self.new = self.new[:new], self.new[new:]
        room = max(0, min(again, new - len(fresh)))
        tried, self.again = self.again[:room], self.again[room:]
        return fresh, tried

    async def work(self, name: str) -> None:
        done = self.works[name] = asyncio.Event()
        self.changed.set()
        try:
            await done.wait()
        finally:
            del self.works[name]
            self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


async def test_what_failed_before_leaves_half_of_the_places_to_what_is_new() -> None:
    backlog = Backlog(new=0, again=100)
    working = asyncio.create_task(work_on_claimed(backlog.claim, backlog.work))

    await backlog.until(lambda: len(backlog.works) == RETRIES_AT_A_TIME)
    backlog.new = [f"new {number}" for number in range(20)]
    backlog.works["again 0"].set()
    await backlog.until(lambda: len(backlog.works) == AT_A_TIME)
    tried_before = [name for name in backlog.works if name.startswith("again")]
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)

    assert len(tried_before) < RETRIES_AT_A_TIME
    assert backlog.works == {}


async def test_new_work_uses_all_places_and_all_of_it_is_done() -> None:
    backlog = Backlog(new=25, again=3)
    working = asyncio.create_task(work_on_claimed(backlog.claim, backlog.work))
    working.add_done_callback(lambda _: backlog.changed.set())
    most = 0

    while not working.done():
        await backlog.until(lambda: bool(backlog.works) or working.done())
        most = max(most, len(backlog.works))
        for done in backlog.works.values():
            done.set()
        await asyncio.sleep(0)
    await working

    assert most == AT_A_TIME
    assert (backlog.new, backlog.again) == ([], [])


async def test_a_failure_ends_the_others() -> None:
    backlog = Backlog(new=3, again=0)

    async def work(name: str) -> None:
        if name == "new 1":
            raise LookupError(name)
        await backlog.work(name)

    with pytest.raises(LookupError):
        await work_on_claimed(backlog.claim, work)

    assert backlog.works == {}


@pytest.mark.parametrize("free_after", [0, 2, len(PAUSES) + 1])
async def test_a_note_is_written_when_its_rows_are_free_and_given_up_in_the_end(
    db: Database, free_after: int
) -> None:
    tries = 0

    async def write(_tx: Tx) -> bool:
        nonlocal tries
        tries += 1
        return tries > free_after

    assert await Notes(db).write(write) == (free_after <= len(PAUSES))


def test_only_kit_locks_rows() -> None:
    """So that no service waits in timed work: it claims with `kit.db.claims`."""
    found = {
        str(path.relative_to(SOURCES))
        for path in SOURCES.rglob("*.py")
        if "with_for_update(" in path.read_text(encoding="utf-8")
    }

    assert found == {"kit/db/claims.py", "kit/db/lease.py", "kit/db/rows.py"}
