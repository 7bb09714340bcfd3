"""Work that the replicas of a service share: each claims rows, and none waits for another.

All timed work finds its rows here. What another transaction has locked is left for the next round,
so a process that hangs with a lock holds up its own rows only. Work that takes longer than a
transaction, as a call over the network does, stores in the row until when it is claimed. SQLite
has one writer at a time, and needs no locks of rows.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Final, TypeVar

from sqlalchemy import Column, Integer, Select, Table, bindparam, text

from roadbike.kit.db.database import Database, Tx
from roadbike.kit.db.errors import translated_errors
from roadbike.kit.db.mariadb import MARIADB
from roadbike.kit.db.statements import Row, Statement
from roadbike.kit.db.times import NO_TIME, due_values, ranges_of_due

AT_A_TIME: Final = 10
RETRIES_AT_A_TIME: Final = 5  # of these: what fails for days leaves room for what is new
PAUSES: Final = (0.1, 0.2, 0.4, 0.8)  # seconds, before a locked row is tried again
BRIEFLY_MS: Final = 100
AT_MOST: Final = bindparam("at_most", type_=Integer)

T = TypeVar("T")
# takes how many to claim of what was not tried before, at most, and of what was; returns both
Claim = Callable[[int, int], Awaitable[tuple[Sequence[T], Sequence[T]]]]
Write = Callable[[Tx], Awaitable[bool]]  # returns False when somebody else has a row of it


def free_only(found: Select[Any], *tables: Table) -> Select[Any]:
    """Return the statement so that it locks its rows and skips those that are locked already.

    tables: whose rows; all of the statement by default.
    """
    return found.with_for_update(skip_locked=True, of=list(tables) or None)


class DueRows:
    """Rows of a statement whose time has come, found by statements that are built once.

    Each of the two reads one range of an index; one statement with both might read all of it.
    tables: whose rows are locked; all of the statement by default.
    """

    def __init__(self, found: Select[Any], time: Column[Any], *tables: Table) -> None:
        ordered = found.order_by(time).limit(AT_MOST)
        self._ranges = [
            free_statement(ordered.where(condition), *tables) for condition in ranges_of_due(time)
        ]

    async def claim(
        self, tx: Tx, at_most: int, *, longest: timedelta = NO_TIME, age: timedelta = NO_TIME
    ) -> list[Row]:
        """Lock and return rows whose time has come, the earliest first.

        longest: how far ahead the time is planned at most. age: how long ago it must be.
        """
        values = due_values(await tx.now() - age, longest + age)
        rows: list[Row] = []
        for statement in self._ranges:
            if len(rows) < at_most:
                left = at_most - len(rows)
                rows += await tx.rows(statement, {**values, AT_MOST.key: left})
        return rows


def free_statement(found: Select[Any], *tables: Table) -> Statement:
    """Return what `free_only` returns as a statement that is built once."""
    return Statement(lambda _: free_only(found, *tables))


async def free_keys(tx: Tx, found: Select[Any]) -> list[Any]:
    """Lock the rows of the statement that nobody has locked; return the first column of each."""
    return [next(iter(row.values())) for row in await tx.rows(free_only(found))]


async def wait_briefly(tx: Tx) -> None:
    """Let the transaction wait for a lock no longer than BRIEFLY_MS; then it raises RowLocked.

    On MariaDB it does not wait at all.
    """
    if tx.db.dialect == MARIADB:
        with translated_errors():
            await tx.held.mariadb.wait_briefly()
    elif tx.db.dialect != "sqlite":
        await tx.execute(text(f"SET LOCAL lock_timeout = {BRIEFLY_MS}"))


async def work_on_claimed(claim: Claim[T], work: Callable[[T], Awaitable[None]]) -> None:
    """Work on whatever can be claimed, AT_A_TIME at a time, until nothing is left to claim.

    One that takes long holds up its own place only, and those that were tried before have
    RETRIES_AT_A_TIME places. Raises what `work` raises; the others are then cancelled, and can be
    claimed again when their claim has run out.
    """
    running: dict[asyncio.Future[None], bool] = {}  # whether it was tried before
    try:
        while True:
            free = AT_A_TIME - len(running)
            retries = min(RETRIES_AT_A_TIME - sum(running.values()), free)
            for claimed, again in zip(await claim(free, retries), (False, True), strict=True):
                running |= {asyncio.ensure_future(work(one)): again for one in claimed}
            if not running:
                return
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                del running[task]
                task.result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


class Notes:
    """Writes what claimed work came to, one after the other: other work needs connections too."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._turn = asyncio.Lock()

    async def write(self, write: Write) -> bool:
        """Run the write until it returns True, with pauses; return whether it did.

        While somebody else has its rows, others write. At the end the claim is left to run out.
        """
        for pause in (*PAUSES, 0.0):
            async with self._turn:
                if await self._db.transact(write):
                    return True
            await asyncio.sleep(pause)
        return False
