"""The errors of a database, independent of its driver.

StaleRow              another transaction changed the row: run the use case again
DatabaseUnavailable   nothing was committed as far as is known: try again later
  DatabaseBusy        all connections of this process are in use
  RowLocked           another transaction has kept a row locked for too long
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

CONFLICT_CODES: Final = {"40001", "40P01"}  # serialization failure, deadlock
UNAVAILABLE_CODES: Final = (  # SQLSTATE classes of PostgreSQL, error names of SQLite
    *("08", "53", "57P0", "58"),  # connection lost, out of resources, starting or stopping
    "25006",  # read-only transaction: this server is a standby
    # a limit of `kit.db.engine` was met: idle in a transaction, in a transaction, waiting for a
    # lock, running a statement
    *("25P03", "25P04", "55P03", "57014"),
    *("SQLITE_BUSY", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_LOCKED", "SQLITE_CANTOPEN"),
    "SQLITE_PROTOCOL",
)


class StaleRow(Exception):
    """Another transaction changed the row after it was loaded: run the use case again."""


class DatabaseUnavailable(Exception):
    """The database is unreachable, full or overloaded: try again later.

    Nothing was committed, unless the reply to the commit was lost.
    """


class DatabaseBusy(DatabaseUnavailable):
    """All connections of the pool are in use."""


class RowLocked(DatabaseUnavailable):
    """Another transaction did not give a lock back within `lock_timeout`."""


@contextmanager
def translated_errors() -> Iterator[None]:
    """Translate connection, pool and SQLSTATE errors of the block.

    Raises DatabaseBusy when the pool had no free connection in time, RowLocked when a lock was not
    free in time, DatabaseUnavailable when the database cannot be used now; every other exception
    passes as it is.
    """
    try:
        yield
    except PoolTimeout as error:
        raise DatabaseBusy("no connection was free in time") from error
    except Exception as error:
        if _is_unavailable(error):
            first_line = f"{type(error).__name__}: {error}".splitlines()[0]
            kind = RowLocked if is_lock_timeout(error) else DatabaseUnavailable
            raise kind(first_line) from error
        raise


def is_conflict(error: BaseException) -> bool:
    """Return whether another transaction caused the error, so that a rerun may succeed at once."""
    return isinstance(error, StaleRow) or _code(error) in CONFLICT_CODES


def is_lock_timeout(error: BaseException) -> bool:
    """Return whether a lock was not free within `lock_timeout`."""
    return _code(error) == "55P03"


def is_out_of_connections(error: BaseException) -> bool:
    """Return whether the server, or its limit for this role, allows no further connection now."""
    return _code(error) == "53300"


def _is_unavailable(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return _code(error).startswith(UNAVAILABLE_CODES)


def _code(error: BaseException) -> str:
    """Return PostgreSQL's SQLSTATE or SQLite's error name; empty when the error has neither."""
    cause = getattr(error, "orig", None) or error
    code = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
    return code or ""
