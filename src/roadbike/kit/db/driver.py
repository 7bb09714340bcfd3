"""The database's own driver, below SQLAlchemy: asyncpg or aiosqlite, each with the same methods.

That of MariaDB, asyncmy, is in `kit.db.mariadb`.

Transactions are begun and ended here, and statements that are built once (`kit.db.statements`) are
executed here. SQLAlchemy's connection executes the others, within the same transaction.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from typing import Any, Protocol

from sqlalchemy import Dialect
from sqlalchemy.exc import DBAPIError

Rows = Sequence[Sequence[Any]]


class Driver(Protocol):
    """What a transaction needs of a driver's connection.

    Errors are those of SQLAlchemy (DBAPIError and what is derived from it), without the values of
    the statement.
    """

    async def begin(self, *, read_only: bool) -> None:
        """Begin a transaction; a reader on PostgreSQL needs none."""

    async def commit(self) -> None:
        """Commit what was begun."""

    async def roll_back(self) -> None:
        """Undo what was begun, if anything was."""

    async def fetch(self, text: str, values: Sequence[Any]) -> Rows:
        """Execute the statement once; return its rows."""

    async def fetch_each(self, text: str, many: Sequence[Sequence[Any]]) -> Rows:
        """Execute the statement once for each sequence of values; return the rows of all."""

    def note_failure(self) -> None:
        """Note that a statement which SQLAlchemy executed on this connection has failed."""

    def in_time(self) -> AbstractAsyncContextManager[Any]:
        """Return a block for what SQLAlchemy executes; it raises when no answer comes in time."""

    def is_closed(self) -> bool:
        """Return whether the connection is known to be lost."""

    def terminate(self) -> None:
        """Close the connection at once, without a word to the server."""


class _Unwatched:
    """A driver that needs no word about what SQLAlchemy executes on its connection."""

    def note_failure(self) -> None:
        """Do nothing: the database itself knows that the transaction has failed."""

    def in_time(self) -> AbstractAsyncContextManager[Any]:
        """Return a block without a limit: the driver has its own, or needs none."""
        return nullcontext()


class Asyncpg(_Unwatched):
    """A connection to PostgreSQL. adapter: SQLAlchemy's, which knows how to name its errors."""

    def __init__(self, adapter: Any, dialect: Dialect) -> None:
        self._adapter, self._dialect = adapter, dialect
        self.connection = adapter.driver_connection
        self._is_open = False  # a transaction was begun

    async def begin(self, *, read_only: bool) -> None:
        """Begin a transaction; a reader needs none."""
        if not read_only:
            self._is_open = True  # before the reply: a cancelled BEGIN may have been executed
            with self._named_errors("BEGIN"):
                await self.connection.execute("BEGIN")

    async def commit(self) -> None:
        """Commit it."""
        if self._is_open:
            with self._named_errors("COMMIT"):
                await self.connection.execute("COMMIT")
            self._is_open = False

    async def roll_back(self) -> None:
        """Undo it, if it is open."""
        if self._is_open:
            self._is_open = False
            with self._named_errors("ROLLBACK"):
                await self.connection.execute("ROLLBACK")

    async def fetch(self, text: str, values: Sequence[Any]) -> Rows:
        """Return the rows of the statement."""
        with self._named_errors(text):
            rows: Rows = await self.connection.fetch(text, *values)
            return rows

    async def fetch_each(self, text: str, many: Sequence[Sequence[Any]]) -> Rows:
        """Return the rows of the statement for each of the values."""
        return [row for values in many for row in await self.fetch(text, values)]

    def is_closed(self) -> bool:
        """Return whether the connection is known to be lost."""
        return bool(self.connection.is_closed())

    def terminate(self) -> None:
        """Close the connection at once."""
        self.connection.terminate()

    @contextmanager
    def _named_errors(self, text: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 it is raised again
            self._raise_named(error, text)

    def _raise_named(self, error: Exception, text: str) -> None:
        try:
            self._adapter._handle_exception(error)  # noqa: SLF001 raises it as the DBAPI's
        except Exception as named:  # noqa: BLE001 it is raised again
            raise named_error(text, named, self._dialect, closed=self.is_closed()) from error


class Aiosqlite(_Unwatched):
    """A connection to SQLite; each call is one hop to the thread of the connection."""

    def __init__(self, adapter: Any, dialect: Dialect) -> None:
        self._dialect = dialect
        self.connection = adapter.driver_connection

    async def begin(self, *, read_only: bool) -> None:
        """Begin a transaction."""
        # a writer waits here for the other processes, not at its first change
        await self.fetch("BEGIN" if read_only else "BEGIN IMMEDIATE", ())

    async def commit(self) -> None:
        """Commit it."""
        await self.fetch("COMMIT", ())

    async def roll_back(self) -> None:
        """Undo it, if it is open."""
        await self.connection.rollback()  # nothing, when no transaction is open

    async def fetch(self, text: str, values: Sequence[Any]) -> Rows:
        """Return the rows of the statement."""
        with self._named_errors(text):
            rows: Rows = await self.connection.execute_fetchall(text, values)
            return rows

    async def fetch_each(self, text: str, many: Sequence[Sequence[Any]]) -> Rows:
        """Return the rows of the statement for each of the values."""

        def in_thread() -> Rows:
            execute = self.connection._conn.execute  # noqa: SLF001 this runs in its own thread
            return [row for values in many for row in execute(text, values)]

        with self._named_errors(text):
            rows: Rows = await self.connection._execute(in_thread)  # noqa: SLF001 one hop for all
            return rows

    def is_closed(self) -> bool:
        """Return whether the connection is known to be lost."""
        return False  # a file is not lost

    def terminate(self) -> None:
        """Do nothing: there is no server that could keep it waiting."""

    @contextmanager
    def _named_errors(self, text: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            raise named_error(text, error, self._dialect, closed=False) from error


def named_error(text: str, error: Exception, dialect: Dialect, *, closed: bool) -> Exception:
    """Return the error as SQLAlchemy raises it, without values; as it is if no driver raised it."""
    dbapi: Any = dialect.loaded_dbapi
    if not isinstance(error, dbapi.Error):
        return error
    named: Exception = DBAPIError.instance(
        text,
        None,
        error,
        dbapi.Error,
        hide_parameters=True,
        connection_invalidated=closed,
        dialect=dialect,
    )
    return named
