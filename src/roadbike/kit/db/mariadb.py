"""MariaDB: SQLAlchemy's dialect with our choices, and a connection of its driver, asyncmy.

asyncmy writes the values into the text of a statement, and the server plans each one again: there
is nothing to gain from a text that stays the same. So many rows are inserted by one INSERT, and
many UPDATEs are sent as one message.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, Dialect
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.mysql.asyncmy import MySQLDialect_asyncmy
from sqlalchemy.dialects.mysql.mariadb import MariaDBDialect

from roadbike.kit.db.driver import Rows, named_error

MARIADB: Final = "mariadb"  # the name of the dialect
DUPLICATE: Final = 1062
MOST_BYTES: Final = 4 << 20  # of one message; the server's `max_allowed_packet` is 16 MiB or more

# of the session, besides the limits of its room
SESSION: Final = {
    "sql_mode": "'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
    "NO_ENGINE_SUBSTITUTION,NO_AUTO_VALUE_ON_ZERO'",  # a key 0 is stored as it is
    "time_zone": "'+00:00'",
    "collation_connection": "utf8mb4_nopad_bin",
    "wait_timeout": "31536000",  # the pool ends its connections, the server does not
    "max_error_count": "65535",  # warnings that INSERT IGNORE may have; see `insert`
}
TABLE_OPTIONS: Final = "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin"


class MariaDB(MariaDBDialect, MySQLDialect_asyncmy):
    """The dialect of `mariadb+asyncmy://` and `mysql+asyncmy://`.

    Ids are stored as CHAR(32), in the order that they have in Python; the server's own type has
    another order.
    """

    supports_statement_cache = True
    supports_native_uuid = False

    def initialize(self, connection: Connection) -> None:
        """Find out what the server can do."""
        super().initialize(connection)
        self.supports_native_uuid = False


for _name in ("mariadb", "mysql"):
    registry.register(f"{_name}.asyncmy", __name__, MariaDB.__name__)


class Asyncmy:
    """A connection to MariaDB. answer_seconds: after which a silent server counts as lost.

    After an error no statement is executed until the end of the transaction: a deadlock has undone
    it, and what follows would be committed alone.
    """

    def __init__(self, adapter: Any, dialect: Dialect, answer_seconds: float) -> None:
        self._dialect = dialect
        self._answer_seconds = answer_seconds
        self.connection = adapter.driver_connection
        self._is_open = False  # a transaction was begun
        self._has_failed = False
        self._is_lost = False
        self._at_end = ""  # statements that give back what the transaction has changed

    async def begin(self, *, read_only: bool) -> None:
        """Begin a transaction; a reader needs none."""
        self._has_failed = False
        if not read_only:
            self._is_open = True
            await self._query("START TRANSACTION")

    async def commit(self) -> None:
        """Commit it."""
        if self._is_open:
            self._refuse_after_failure("COMMIT")
            await self._query(f"COMMIT{self._at_end}")
        elif self._at_end:
            await self._query(self._at_end.removeprefix("; "))
        self._is_open, self._at_end = False, ""

    async def roll_back(self) -> None:
        """Undo it, if it is open."""
        if self._is_open or self._at_end:
            at_end, self._is_open, self._at_end = self._at_end, False, ""
            await self._query(f"ROLLBACK{at_end}")

    async def fetch(self, text: str, values: Sequence[Any]) -> Rows:
        """Return the rows of the statement."""
        self._refuse_after_failure(text)
        await self._query(text % self._literals(values), text)
        rows: Rows = self.connection._result.rows or ()  # noqa: SLF001 no cursor is needed
        return rows

    async def fetch_each(self, text: str, many: Sequence[Sequence[Any]]) -> Rows:
        """Return the rows of the statement for each of the values: those of one INSERT."""
        return await self.insert(text, many)

    async def insert(
        self, text: str, many: Sequence[Sequence[Any]], ignored: str | None = None
    ) -> Rows:
        """Insert a row for each of the values by one statement, or few; return what they return.

        ignored: the key by which INSERT IGNORE may leave out rows that exist. It would also leave
        out, or change, rows with other faults: these are raised.
        """
        self._refuse_after_failure(text)
        before, row, after, number = _parts(text)
        end = after % self._literals(many[0][number:])
        rows: list[Sequence[Any]] = []
        for some in _messages(row % self._literals(values[:number]) for values in many):
            await self._query(f"{before}{','.join(some)}{end}", text)
            result = self.connection._result  # noqa: SLF001
            rows += result.rows or ()
            if ignored is not None and result.warning_count:
                await self._check_ignored(text, ignored)
        return rows

    async def count_each(self, text: str, many: Sequence[Sequence[Any]]) -> list[int]:
        """Execute the statement once for each of the values; return how many rows each found."""
        self._refuse_after_failure(text)
        counts: list[int] = []
        for some in _messages(text % self._literals(values) for values in many):
            counts += await self._query(";".join(some), text)
        return counts

    async def wait_briefly(self) -> None:
        """Wait for no lock until the end of the transaction: the server counts whole seconds."""
        await self._query("SET @lock_wait = @@innodb_lock_wait_timeout")
        await self._query("SET SESSION innodb_lock_wait_timeout = 0")
        self._at_end += "; SET SESSION innodb_lock_wait_timeout = @lock_wait"

    def note_named_locks(self) -> None:
        """Give the named locks of the session back at the end of the transaction."""
        if "RELEASE" not in self._at_end:
            self._at_end += "; DO RELEASE_ALL_LOCKS()"

    def note_failure(self) -> None:
        """Note that a statement which SQLAlchemy executed on this connection has failed."""
        self._has_failed = True

    def in_time(self) -> AbstractAsyncContextManager[Any]:
        """Return a block that raises TimeoutError when the server gives no answer in it."""
        return asyncio.timeout(self._answer_seconds)

    def is_closed(self) -> bool:
        """Return whether the connection is known to be lost."""
        return bool(self._is_lost or self.connection._stream_broken)  # noqa: SLF001 no other name

    def terminate(self) -> None:
        """Close the connection at once."""
        self._is_lost = True
        self.connection.close()

    async def _query(self, text: str, shown: str | None = None) -> list[int]:
        """Execute the statements of the text; return how many rows each found.

        shown: the text in errors, which are logged: without values.
        """
        with self._named_errors(shown or text):
            async with self.in_time():
                await self.connection.query(text)
                counts = [self.connection.affected_rows()]
                while self.connection._result.has_next:  # noqa: SLF001
                    counts.append(await self.connection.next_result())
        return counts

    async def _check_ignored(self, text: str, ignored: str) -> None:
        with self._named_errors(text):
            async with self.in_time():
                for _, code, message in await self.connection.show_warnings():
                    if code != DUPLICATE or not message.endswith(f"for key '{ignored}'"):
                        raise self._dbapi.IntegrityError(code, message)

    def _literals(self, values: Sequence[Any]) -> tuple[str, ...]:
        return tuple(map(self._literal, values))

    def _literal(self, value: Any) -> str:
        if isinstance(value, tuple):  # of a condition with IN
            return f"({','.join(self._literals(value))})"
        literal: str = self.connection.literal(value)
        return literal

    @property
    def _dbapi(self) -> Any:
        return self._dialect.loaded_dbapi

    def _refuse_after_failure(self, text: str) -> None:
        if self._is_open and self._has_failed:
            error = self._dbapi.InternalError(0, "the transaction has failed before")
            raise named_error(text, error, self._dialect, closed=False) from error

    @contextmanager
    def _named_errors(self, text: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self._has_failed = True
            self._is_lost |= not isinstance(error, self._dbapi.Error)  # its answer may come yet
            closed = self.is_closed()
            raise named_error(text, error, self._dialect, closed=closed) from error
        except BaseException:
            self._is_lost = True
            raise


@lru_cache(maxsize=1_000)
def _parts(text: str) -> tuple[str, str, str, int]:
    """Return an INSERT in parts: up to its row, the row, the rest, and the parameters of the row.

    Raises ValueError when it is no INSERT of one row.
    """
    start = text.index("VALUES (") + len("VALUES ")
    depth = 0
    for at in range(start, len(text)):
        depth += (text[at] == "(") - (text[at] == ")")
        if not depth:
            row = text[start : at + 1]
            return text[:start].replace("%%", "%"), row, text[at + 1 :], row.count("%s")
    raise ValueError("the row of an INSERT has no end")


def _messages(parts: Iterator[str]) -> Iterator[list[str]]:
    """Return the parts in groups that are small enough for one message each."""
    some: list[str] = []
    size = 0
    for part in parts:
        if some and size + len(part) > MOST_BYTES:
            yield some
            some, size = [], 0
        some.append(part)
        size += len(part)
    if some:
        yield some
