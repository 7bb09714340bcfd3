"""One database per service; one transaction per request or batch of messages."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from math import inf
from types import TracebackType
from typing import Any, Final, TypeVar

from sqlalchemy import (
    Executable,
    MetaData,
    RowMapping,
    event,
    select,
    text,
)
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from roadbike.kit.columns import utc_now

T = TypeVar("T")

metadata: Final = MetaData()  # the tables that kit keeps in every service's database

TRIES: Final = 10  # of one use case whose rows another one was quicker to change
POOL: Final = 10
# A plan is kept for long. One made while a table was small would read all of it for ever after;
# planning anew each time cost a quarter of the server's CPU.
INDEXES_FIRST: Final = {"enable_seqscan": "off", "jit": "off"}
CLOCK_SECONDS: Final = 1.0  # how long the database's clock is carried on by our own
SQLITE_BUSY_MS: Final = 5_000
PAUSE_SECONDS: Final = 0.01  # at most, for each time that it was run again
RERUN_CODES: Final = {"40001", "40P01"}  # serialization failure, deadlock
AWAY_CODES: Final = (  # connection lost, out of resources, going down or coming up; SQLite's
    *("08", "25006", "53", "57P0", "58"),  # and a standby, which only reads
    *("SQLITE_BUSY", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_LOCKED", "SQLITE_CANTOPEN"),
    "SQLITE_PROTOCOL",
)


class StaleRow(Exception):
    """Another transaction changed the row since it was loaded: run the use case again."""


class DatabaseAway(Exception):
    """The database is not reachable, full or too busy: nothing was committed, try again later."""


class DatabaseBusy(DatabaseAway):
    """All of our own connections are in use."""


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
        """Run one statement, once for each of many values. Raises DatabaseAway."""
        with _away_named():
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
        self.engine = _engine(url)
        self.dialect = self.engine.dialect.name
        self.clock = _Clock()
        self.told = asyncio.Event()  # set when a commit has put something into the outbox
        self._reading = self.engine.execution_options(**_of_reading(self.dialect))
        self._one_writer: AbstractAsyncContextManager[Any] = (
            asyncio.Lock() if self.dialect == "sqlite" else nullcontext()
        )

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Tx]:
        """A transaction, committed at the end of the block, undone when it raises.

        Raises DatabaseAway (nothing committed, or the answer to the commit was lost).
        """
        async with self._one_writer, _Opened(self.engine.begin()) as connection:
            tx = Tx(connection, self)
            yield tx
            await tx.flush()
        tx.committed()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        """For statements that only read, each by itself; on SQLite they wait for no writer."""
        async with _Opened(self._reading.begin()) as connection:
            yield Tx(connection, self, read_only=True)

    async def run(self, use_case: Callable[[Tx], Awaitable[T]]) -> T:
        """Run a use case in one transaction, again when another one was quicker."""
        for attempt in range(TRIES):
            try:
                async with self.begin() as tx:
                    return await use_case(tx)
            except (StaleRow, DBAPIError) as error:
                if attempt == TRIES - 1 or not _worth_a_rerun(error):
                    raise
            # many that ran into each other would do so again; the first rerun is at once
            await asyncio.sleep(random.random() * attempt * PAUSE_SECONDS)  # noqa: S311 no secret
        raise AssertionError  # the last try returned or raised

    async def ready(self) -> None:
        """Raises DatabaseAway when the database does not answer."""
        async with self.read() as tx:
            await tx.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Let go of its connections."""
        await self.engine.dispose()


def _engine(url: str) -> AsyncEngine:
    if url.startswith("sqlite"):
        engine = create_async_engine(url, connect_args={"timeout": SQLITE_BUSY_MS / 1000})
        event.listen(engine.sync_engine, "connect", _set_up_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    return create_async_engine(
        url,
        pool_size=POOL,
        max_overflow=0,
        pool_timeout=2,
        connect_args={"timeout": 5, "command_timeout": 30, "server_settings": INDEXES_FIRST},
    )


def _of_reading(dialect: str) -> dict[str, Any]:
    """Without a BEGIN and a COMMIT a read is one round trip instead of three."""
    return {"read_only": True} if dialect == "sqlite" else {"isolation_level": "AUTOCOMMIT"}


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we begin ourselves
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # WAL with NORMAL loses commits in a power cut
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    read_only = connection.get_execution_options().get("read_only")
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


class _Opened(AbstractAsyncContextManager[AsyncConnection]):
    """A transaction whose own failures are named; what its block raises keeps its name."""

    def __init__(self, transaction: AbstractAsyncContextManager[AsyncConnection]) -> None:
        self._transaction = transaction

    async def __aenter__(self) -> AsyncConnection:
        with _away_named():
            return await self._transaction.__aenter__()

    async def __aexit__(
        self,
        type_: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        with _away_named():
            return await self._transaction.__aexit__(type_, error, trace)


class _away_named:  # noqa: N801 read as a statement
    """Gives the many shapes of "the database is away" their one name."""

    def __enter__(self) -> None: ...

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, PoolTimeout):
            raise DatabaseBusy("no connection was free in time") from error
        if error is not None and _is_away(error):
            raise DatabaseAway(f"{type(error).__name__}: {error}".splitlines()[0]) from error


def _is_away(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return _code(error).startswith(AWAY_CODES)


def _worth_a_rerun(error: BaseException) -> bool:
    return isinstance(error, StaleRow) or _code(error) in RERUN_CODES


def _code(error: BaseException) -> str:
    """The SQLSTATE of PostgreSQL or the name that SQLite gives its error; empty when neither."""
    cause = getattr(error, "orig", None) or error
    code = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
    return code or ""
