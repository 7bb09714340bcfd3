"""The connections of one room, kept open between transactions, and the transactions on them.

To take a connection from SQLAlchemy's pool and to give it back costs more CPU than a statement.
So these stay checked out, and the pool is here.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from sqlalchemy import CursorResult, Executable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from roadbike.kit import metrics
from roadbike.kit.db.driver import Aiosqlite, Asyncpg, Driver
from roadbike.kit.db.engine import TRANSACTIONS_BY_HAND, answer_seconds
from roadbike.kit.db.errors import DatabaseBusy, translated_errors
from roadbike.kit.db.mariadb import MARIADB, Asyncmy
from roadbike.kit.db.statements import Row, Statement
from roadbike.kit.pure.rooms import Room


class Held:
    """An open connection: SQLAlchemy's, and the driver's behind it."""

    __slots__ = ("core", "driver")

    def __init__(self, core: AsyncConnection, driver: Driver) -> None:
        self.core, self.driver = core, driver

    async def rows(self, statement: Statement, values: Any) -> list[Row]:
        """Execute the statement on the driver."""
        compiled = statement.compiled(self.core.dialect)
        given = compiled.values(values)
        await self._announce(compiled.text, given)
        return compiled.rows(await self.driver.fetch(compiled.text, given))

    async def rows_of_each(self, statement: Statement, many: Any) -> list[Row]:
        """Execute the statement on the driver once for each mapping of values."""
        compiled = statement.compiled(self.core.dialect)
        given = [compiled.values(values) for values in many]
        await self._announce(compiled.text, given, many=True)
        return compiled.rows(await self.driver.fetch_each(compiled.text, given))

    async def execute(self, statement: Executable, values: Any) -> CursorResult[Any]:
        """Execute the statement by SQLAlchemy."""
        core: Any = self.core.sync_connection
        if not core.in_transaction():
            core.begin()  # nothing is sent; outside of one it sends ROLLBACK at its own errors
        try:
            async with self.driver.in_time():
                return await self.core.execute(statement, values)
        except (DBAPIError, OSError):
            self.driver.note_failure()
            raise

    async def insert(self, statement: Statement, many: Any, ignored: str | None) -> list[Row]:
        """Insert the rows by one statement, on MariaDB; see `Asyncmy.insert`."""
        compiled = statement.compiled(self.core.dialect)
        given = [compiled.values(values) for values in many]
        await self._announce(compiled.text, given, many=True)
        return compiled.rows(await self.mariadb.insert(compiled.text, given, ignored))

    async def count_each(self, statement: Statement, many: Any) -> list[int]:
        """Execute it for each of the values, on MariaDB; return how many rows each found."""
        compiled = statement.compiled(self.core.dialect)
        given = [compiled.values(values) for values in many]
        await self._announce(compiled.text, given, many=True)
        return await self.mariadb.count_each(compiled.text, given)

    @property
    def mariadb(self) -> Asyncmy:
        """Return the driver's connection, of MariaDB."""
        assert isinstance(self.driver, Asyncmy)
        return self.driver

    async def end_of_core(self) -> None:
        """Make SQLAlchemy forget the transaction that it thinks it has; nothing is sent."""
        if self.core.in_transaction():
            await self.core.rollback()

    async def _announce(self, text: str, values: Any, *, many: bool = False) -> None:
        """Call SQLAlchemy's listeners, which see every statement."""
        listeners = self.core.sync_engine.dispatch.before_cursor_execute
        if listeners:
            await self.core.run_sync(lambda core: listeners(core, None, text, values, None, many))


class Connections:
    """At most `room.connections` connections; the one that was used last is taken first."""

    def __init__(self, engine: AsyncEngine, room: Room) -> None:
        self._engine = engine.execution_options(**TRANSACTIONS_BY_HAND[engine.dialect.name])
        self._room = room
        self._used = 0
        metrics.POOL_SIZE.labels(room.name).set(room.connections)
        metrics.POOL_USED.labels(room.name).set_function(lambda: self._used)
        metrics.POOL_BUSY.labels(room.name)  # 0 until it counts
        self._free = asyncio.Semaphore(room.connections)
        self._idle: list[Held] = []
        self._is_closed = False

    @asynccontextmanager
    async def transaction(self, *, read_only: bool = False) -> AsyncIterator[Held]:
        """Open a transaction; commit it at the end of the block, roll back when the block raises.

        Raises DatabaseBusy and DatabaseUnavailable; errors of the block stay unchanged.
        """
        held = await self.take()
        is_usable = False
        try:
            with translated_errors():
                await held.driver.begin(read_only=read_only)
            yield held
            with translated_errors():
                await held.driver.commit()
            is_usable = True
        except BaseException:
            is_usable = await _rolled_back(held)
            raise
        finally:
            await (self.put_back(held) if is_usable else self.discard(held))

    async def take(self) -> Held:
        """Return a connection; it must be put back or discarded. Raises as `transaction` does."""
        try:
            async with asyncio.timeout(self._room.wait_seconds):
                await self._free.acquire()
        except TimeoutError:
            metrics.POOL_BUSY.labels(self._room.name).inc()
            raise DatabaseBusy("no connection was free in time") from None
        self._used += 1
        try:
            while self._idle:
                held = self._idle.pop()
                if not held.driver.is_closed():
                    return held
                await asyncio.shield(_forget(held))
            return await self._new()
        except BaseException:
            self._release()
            raise

    async def put_back(self, held: Held) -> None:
        """Keep the connection for the next one who takes it."""
        try:
            await held.end_of_core()
        except BaseException:
            await self.discard(held)
            raise
        if self._is_closed or held.core.invalidated or held.driver.is_closed():
            await self.discard(held)
        else:
            self._idle.append(held)
            self._release()

    async def discard(self, held: Held) -> None:
        """Close the connection, whatever state it is in."""
        self._release()
        held.driver.terminate()
        await asyncio.shield(_forget(held))

    async def close(self) -> None:
        """Close the idle connections now, and the others when they are put back."""
        self._is_closed = True
        while self._idle:
            held = self._idle.pop()
            with suppress(Exception):  # the server may be gone
                await held.core.close()

    def _release(self) -> None:
        self._used -= 1
        self._free.release()

    async def _new(self) -> Held:
        with translated_errors():
            core = await self._engine.connect()
            return Held(core, await self._driver_of(core))

    async def _driver_of(self, core: AsyncConnection) -> Driver:
        """Return the driver's connection behind SQLAlchemy's."""
        adapter: Any = (await core.get_raw_connection()).dbapi_connection
        if core.dialect.name == MARIADB:
            return Asyncmy(adapter, core.dialect, answer_seconds(self._room))
        return (Asyncpg if core.dialect.name == "postgresql" else Aiosqlite)(adapter, core.dialect)


async def _rolled_back(held: Held) -> bool:
    """Return whether the transaction is undone. What went wrong before it is what counts."""
    if held.driver.is_closed() or held.core.invalidated:
        return False
    try:
        await asyncio.shield(held.driver.roll_back())
    except (Exception, asyncio.CancelledError):  # noqa: BLE001 the connection is discarded
        return False
    return True


async def _forget(held: Held) -> None:
    with suppress(Exception):  # it may be broken in any way
        await held.core.invalidate()
    with suppress(Exception):
        await held.core.close()
