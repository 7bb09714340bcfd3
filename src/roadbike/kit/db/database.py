"""One database per service; one transaction per request or batch of messages."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any, Final, TypeVar

from sqlalchemy import Executable, MetaData, RowMapping, select, text
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from roadbike.kit.db.columns import utc_now
from roadbike.kit.db.engine import new_engine, read_options
from roadbike.kit.db.errors import StaleRow, is_worth_a_rerun, translated_errors

T = TypeVar("T")

metadata: Final = MetaData()  # the tables that kit keeps in every service's database

TRIES: Final = 10  # of one use case whose rows other transactions keep changing first
RERUN_PAUSE_SECONDS: Final = 0.01  # longest pause before a rerun, per earlier run
CLOCK_SECONDS: Final = 1.0  # how long a reading of the database's clock is extrapolated


class Tx:
    """An open transaction. Use cases take one; nobody but Database commits it."""

    def __init__(
        self, connection: AsyncConnection, db: "Database", *, read_only: bool = False
    ) -> None:
        self.db = db
        self.read_only = read_only
        self.loaded: dict[tuple[str, object], Any] = {}  # rows of kit.rows seen in this transaction
        self._connection = connection
        self._at_commit: dict[Callable[[Tx, list[Any]], Awaitable[None]], list[Any]] = defaultdict(
            list
        )
        self._after_commit: list[Callable[[], None]] = []

    async def execute(
        self,
        statement: Executable,
        values: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> CursorResult[Any]:
        """Run one statement, once for each of many values. Raises DatabaseUnavailable."""
        with translated_errors():
            result: CursorResult[Any] = await self._connection.execute(statement, values)
            return result

    async def rows(
        self, statement: Executable, values: Mapping[str, Any] | None = None
    ) -> Sequence[RowMapping]:
        """All rows that the statement gives, each by its columns' names."""
        return (await self.execute(statement, values)).mappings().all()

    async def row(self, statement: Executable) -> RowMapping | None:
        """The first row; None when there is none."""
        return (await self.execute(statement)).mappings().first()

    async def scalar(self, statement: Executable) -> Any:
        """The first column of the first row; None when there is none."""
        return (await self.execute(statement)).scalar()

    async def now(self) -> datetime:
        """The database's clock, UTC."""
        return await self.db.clock.now(self)

    def at_commit(self, write: Callable[["Tx", list[T]], Awaitable[None]], item: T) -> None:
        """Call `write` once with all its items, in order, just before the commit.

        Raises RuntimeError in a transaction that only reads: it would be lost.
        """
        if self.read_only:
            raise RuntimeError("saved or told in a transaction that only reads")
        self._at_commit[write].append(item)

    def after_commit(self, do: Callable[[], None]) -> None:
        """Call `do` once the transaction is durable, and only then."""
        self._after_commit.append(do)

    async def flush(self) -> None:
        """Write what was put off until the commit."""
        for write, items in self._at_commit.items():
            await write(self, items)
        self._at_commit.clear()

    def committed(self) -> None:
        """Say so to those who waited for it."""
        for do in self._after_commit:
            do()


class _Clock:
    """The database's clock, read once in a while and carried on by our own in between."""

    def __init__(self) -> None:
        self._moment = datetime.min.replace(tzinfo=UTC)
        self._read_at = -inf

    async def now(self, tx: Tx) -> datetime:
        asked_at = time.monotonic()  # before it answers: ahead of it by a round trip, never behind
        if asked_at - self._read_at > CLOCK_SECONDS:
            self._moment, self._read_at = await tx.scalar(select(utc_now())), asked_at
        return self._moment + timedelta(seconds=asked_at - self._read_at)


class Database:
    """The database of one service. `url` as SQLAlchemy writes it (asyncpg or aiosqlite)."""

    def __init__(self, url: str) -> None:
        self.engine = new_engine(url)
        self.dialect = self.engine.dialect.name
        self.clock = _Clock()
        self.outbox_written = asyncio.Event()  # set by a commit that put events into the outbox
        self._reading = self.engine.execution_options(**read_options(self.dialect))
        self._one_writer: AbstractAsyncContextManager[Any] = (
            asyncio.Lock() if self.dialect == "sqlite" else nullcontext()
        )

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Tx]:
        """A transaction, committed at the end of the block, undone when it raises.

        Raises DatabaseUnavailable (nothing committed, or the answer to the commit was lost).
        """
        async with self._one_writer, _opened(self.engine.begin()) as connection:
            tx = Tx(connection, self)
            yield tx
            await tx.flush()
        tx.committed()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        """For statements that only read, each by itself; on SQLite they wait for no writer."""
        async with _opened(self._reading.begin()) as connection:
            yield Tx(connection, self, read_only=True)

    async def transact(self, use_case: Callable[[Tx], Awaitable[T]]) -> T:
        """Run a use case in one transaction, again when another one was quicker."""
        for attempt in range(TRIES):
            try:
                async with self.begin() as tx:
                    return await use_case(tx)
            except (StaleRow, DBAPIError) as error:
                if attempt == TRIES - 1 or not is_worth_a_rerun(error):
                    raise
            # many that ran into each other would do so again; the first rerun is at once
            await asyncio.sleep(random.random() * attempt * RERUN_PAUSE_SECONDS)  # noqa: S311 no secret
        raise AssertionError  # the last try returned or raised

    async def ready(self) -> None:
        """Raises DatabaseUnavailable when the database does not answer."""
        async with self.read() as tx:
            await tx.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Let go of its connections."""
        await self.engine.dispose()


@asynccontextmanager
async def _opened(
    transaction: AbstractAsyncContextManager[AsyncConnection],
) -> AsyncIterator[AsyncConnection]:
    """Open and close the transaction with translated errors; those of the block pass unchanged."""
    with translated_errors():
        connection = await transaction.__aenter__()
    try:
        yield connection
    except BaseException as error:
        with translated_errors():  # those of the rollback
            await transaction.__aexit__(type(error), error, error.__traceback__)
        raise
    else:
        with translated_errors():
            await transaction.__aexit__(None, None, None)
