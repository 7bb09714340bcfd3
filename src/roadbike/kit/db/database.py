"""The database of one service and its transactions.

Each request and each batch of messages is one transaction, opened by `Database.transact`.
"""

import asyncio
import copy
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any, Final, TypeVar

from sqlalchemy import Executable, MetaData, select, text
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import DBAPIError

from roadbike.kit.db.columns import utc_now
from roadbike.kit.db.connections import Connections, Held
from roadbike.kit.db.engine import new_engines
from roadbike.kit.db.errors import StaleRow, is_conflict, translated_errors
from roadbike.kit.db.handover import Handover
from roadbike.kit.db.statements import Row, Statement
from roadbike.kit.db.totals import Totals
from roadbike.kit.pure.rooms import BACKGROUND, READS, ROOMS, WRITES, Room

T = TypeVar("T")

RowKey = tuple[str, object]  # name of the table, primary key

metadata: Final = MetaData()  # kit's own tables, which every service's database has

MAX_ATTEMPTS: Final = 10  # of one use case that conflicts with other transactions
RERUN_PAUSE_SECONDS: Final = 0.01  # longest pause before a rerun, per earlier run
NO_VALUES: Final[Mapping[str, Any]] = {}
_CLOCK: Final = Statement(lambda _: select(utc_now()))

CLOCK_REFRESH_SECONDS: Final = 1.0  # the database's clock is read again after this time
CLOCK_TOLERANCE: Final = timedelta(seconds=2)  # a larger difference means that it was set


class Tx:
    """An open transaction. Use cases receive one and never commit it: Database does.

    It keeps the rows that `kit.db.rows` has loaded, so that a use case sees its own changes
    before they are written.
    """

    def __init__(self, held: Held, db: "Database", *, read_only: bool = False) -> None:
        self.db = db
        self.read_only = read_only
        self._rows: dict[RowKey, Any] = {}
        self._stored: dict[RowKey, Any] = {}
        self._held = held
        self._at_commit: dict[Callable[[Tx, list[Any]], Awaitable[None]], list[Any]] = defaultdict(
            list
        )
        self._after_commit: list[Callable[[], None]] = []

    @property
    def held(self) -> Held:
        """Return the connection, for what only one database can do."""
        return self._held

    async def execute(
        self,
        statement: Executable,
        values: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> CursorResult[Any]:
        """Execute a statement that was built for this call, by SQLAlchemy.

        Raises DatabaseUnavailable, as every method that reads or writes does.
        """
        with translated_errors():
            return await self._held.execute(statement, values)

    async def rows(
        self, statement: Executable | Statement, values: Mapping[str, Any] = NO_VALUES
    ) -> Sequence[Row]:
        """Return all rows of the result as mappings from column name to value."""
        if isinstance(statement, Statement):
            with translated_errors():
                return await self._held.rows(statement, values)
        return [dict(row) for row in (await self.execute(statement, values)).mappings()]

    async def rows_of_each(
        self, statement: Statement, many: Sequence[Mapping[str, Any]]
    ) -> Sequence[Row]:
        """Execute the statement once for each mapping of values; return the rows of all."""
        with translated_errors():
            return await self._held.rows_of_each(statement, many)

    async def row(
        self, statement: Executable | Statement, values: Mapping[str, Any] = NO_VALUES
    ) -> Row | None:
        """Return the first row of the result, None if it is empty."""
        if isinstance(statement, Statement):
            return next(iter(await self.rows(statement, values)), None)
        found = (await self.execute(statement, values)).mappings().first()
        return None if found is None else dict(found)

    async def scalar(self, statement: Executable | Statement) -> Any:
        """Return the first column of the first row, None if the result is empty."""
        if isinstance(statement, Statement):
            row = await self.row(statement)
            return None if row is None else next(iter(row.values()))
        return (await self.execute(statement)).scalar()

    async def now(self) -> datetime:
        """Return the time in UTC by the database's clock."""
        return await self.db.clock.now(self)

    def has_row(self, key: RowKey) -> bool:
        """Return whether the row was loaded or saved in this transaction."""
        return key in self._rows

    def loaded_row(self, key: RowKey) -> Any:
        """Return the row as last loaded or saved; None if the database does not have it.

        Raises KeyError when it was neither loaded nor saved in this transaction.
        """
        return self._rows[key]

    def remember_row(self, key: RowKey, state: Any) -> None:
        """Keep what is to be saved."""
        self._rows[key] = state

    def stored_row(self, key: RowKey) -> Any:
        """Return the row as the database has it; None if that is not known, or it has none."""
        return self._stored.get(key)

    def remember_stored_row(self, key: RowKey, state: Any) -> None:
        """Keep what was loaded under a lock; None for a row that does not exist."""
        self._rows[key] = self._stored[key] = state

    def at_commit(self, write: Callable[["Tx", list[T]], Awaitable[None]], item: T) -> None:
        """Call `write` with all its items, in order, once and just before the commit.

        Raises RuntimeError in a read-only transaction, where the item would be lost.
        """
        if self.read_only:
            raise RuntimeError("nothing can be saved or published in a read-only transaction")
        self._at_commit[write].append(item)

    def after_commit(self, do: Callable[[], None]) -> None:
        """Call `do` after the commit; not at all when the transaction is rolled back."""
        self._after_commit.append(do)

    async def flush(self) -> None:
        """Call the functions given to `at_commit`."""
        for write, items in self._at_commit.items():
            await write(self, items)
        self._at_commit.clear()

    def run_after_commit(self) -> None:
        """Call the functions given to `after_commit`."""
        for do in self._after_commit:
            do()


class _Clock:
    """The database's clock, read at most once a second and extrapolated in between."""

    def __init__(self) -> None:
        self._moment = datetime.min.replace(tzinfo=UTC)
        self._read_at = -inf
        self._set_at = -inf

    async def now(self, tx: Tx) -> datetime:
        # taken before the query: the result is at most one round trip ahead, never behind
        asked_at = time.monotonic()
        if asked_at - self._read_at > CLOCK_REFRESH_SECONDS:
            moment = await tx.scalar(_CLOCK)
            if self._read_at > -inf and abs(moment - self._at(asked_at)) > CLOCK_TOLERANCE:
                self._set_at = asked_at
            self._moment, self._read_at = moment, asked_at
        return self._at(asked_at)

    def was_set_within(self, seconds: float) -> bool:
        """Return whether the clock was set forward or back in the last seconds, as far as known.

        Ages of that time are wrong, unless they are longer than any step.
        """
        return time.monotonic() - self._set_at < seconds

    def _at(self, monotonic: float) -> datetime:
        return self._moment + timedelta(seconds=monotonic - self._read_at)


class Database:
    """The database of one service.

    url: of SQLAlchemy, `postgresql+asyncpg://…`, `mariadb+asyncmy://…` or `sqlite+aiosqlite://…`.
    background: the same database for work that no request waits for. It has connections of its
    own, as have reads and writes (`kit.db.engine`).
    """

    def __init__(self, url: str) -> None:
        self._engines = new_engines(url)
        self.dialect = self._engines[WRITES].dialect.name
        self._connections = {room: Connections(self._engines[room], room) for room in ROOMS}
        self._use(reads=READS, writes=WRITES)
        self.clock = _Clock()
        self.totals = Totals()
        self.outbox_rows = Handover()
        self._outbox_signal = asyncio.Event()
        self._one_writer: AbstractAsyncContextManager[Any] = (
            asyncio.Lock() if self.dialect == "sqlite" else nullcontext()
        )
        self.background = copy.copy(self)  # with the same clock, signal and lock
        self.background._use(reads=BACKGROUND, writes=BACKGROUND)  # noqa: SLF001 our own copy
        self.background.background = self.background

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Tx]:
        """Open a transaction; commit it at the end of the block, roll back when the block raises.

        Raises DatabaseUnavailable: nothing was committed, or the reply to the commit was lost.
        Raises StaleRow when a saved row was changed by another transaction.
        """
        async with self._one_writer, self.connections.transaction() as held:
            tx = Tx(held, self)
            yield tx
            await tx.flush()
        tx.run_after_commit()

    @asynccontextmanager
    async def read(self, *, for_write: bool = False) -> AsyncIterator[Tx]:
        """Open a read-only transaction; on SQLite it does not wait for a writer.

        On PostgreSQL each statement sees what is committed by then: the block is not one snapshot.
        for_write: a write of the same request follows, so readers must not be in front of it.
        Raises DatabaseUnavailable.
        """
        connections = self.connections if for_write else self._reading
        async with connections.transaction(read_only=True) as held:
            yield Tx(held, self, read_only=True)

    async def transact(self, use_case: Callable[[Tx], Awaitable[T]]) -> T:
        """Run the use case in one transaction and return its result.

        A conflict with another transaction (StaleRow, serialization failure, deadlock) runs it
        again, up to MAX_ATTEMPTS times in all; then the conflict is raised.
        Raises DatabaseUnavailable as `begin` does.
        """
        for attempt in range(MAX_ATTEMPTS):
            try:
                async with self.begin() as tx:
                    return await use_case(tx)
            except (StaleRow, DBAPIError) as error:
                if attempt == MAX_ATTEMPTS - 1 or not is_conflict(error):
                    raise
            # a random pause (none before the first rerun), so that they do not conflict again
            await asyncio.sleep(random.random() * attempt * RERUN_PAUSE_SECONDS)  # noqa: S311 not a secret
        raise AssertionError  # the last attempt returned or raised

    async def ready(self) -> None:
        """Raise DatabaseUnavailable when the database does not answer a query.

        Reads and writes have a connection afterwards: the first request does not wait for one.
        """
        for for_write in (False, True):
            async with self.read(for_write=for_write) as tx:
                await tx.execute(text("SELECT 1"))

    def signal_outbox(self) -> None:
        """Wake the relay of this process: a commit has put events into the outbox."""
        self._outbox_signal.set()

    def clear_outbox_signal(self) -> None:
        """Clear earlier signals. Call it before reading the outbox, so that none gets lost."""
        self._outbox_signal.clear()

    async def wait_for_outbox_signal(self, within_seconds: float) -> bool:
        """Wait for a signal of the outbox up to that long; return whether there was one."""
        try:
            # asyncio.wait_for of Python 3.11 may swallow a cancellation
            async with asyncio.timeout(within_seconds):
                await self._outbox_signal.wait()
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """Close all connections."""
        for room, connections in self._connections.items():
            await connections.close()
            await self._engines[room].dispose()

    def _use(self, *, reads: Room, writes: Room) -> None:
        self.engine = self._engines[writes]
        self.connections = self._connections[writes]
        self._reading = self._connections[reads]
