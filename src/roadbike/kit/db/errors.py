"""The errors of a database, independent of its driver.

StaleRow              another transaction changed the row: run the use case again
DatabaseUnavailable   nothing was committed as far as is known: try again later
  DatabaseBusy        all connections of this process are in use
  RowLocked           another transaction has kept a row locked for too long
"""

from collections.abc import Iterator
from contextlib import contextmanager
from socket import gaierror
from typing import Final

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# serialization failure, deadlock; of MariaDB: deadlock, changed since it was read, table changed
CONFLICT_CODES: Final = {"40001", "40P01", "M1213", "M1020", "M1412"}
MISSING_TABLE_CODES: Final = {"42P01", "M1146"}
LOCK_TIMEOUT_CODES: Final = {"55P03", "M1205"}
# the server, or its limit for this role, allows no further connection
OUT_OF_CONNECTIONS_CODES: Final = {"53300", "M1040", "M1203", "M1226"}
MARIADB_UNAVAILABLE: Final = (
    *(2002, 2003, 2006, 2013, 2055, 1927, 4031),  # connection lost, or ended by the server
    *(1158, 1159, 1160, 1161),  # errors of the network
    *(1040, 1203, 1226, 1053, 1047, 1637),  # out of connections, stopping, no member, overloaded
    *(1290, 1836),  # this server is read-only
    *(1021, 1026, 1041, 1037, 1038, 1114),  # disk, memory or table full
    *(1205, 1206, 1317, 1969, 3024),  # a limit was met: lock, locks, interrupted, statement
)
UNAVAILABLE_CODES: Final = (  # SQLSTATE classes of PostgreSQL, error names of SQLite
    *("08", "53", "57P0", "58"),  # connection lost, out of resources, starting or stopping
    "25006",  # read-only transaction: this server is a standby
    # a limit of `kit.db.engine` was met: idle in a transaction, in a transaction, waiting for a
    # lock, running a statement
    *("25P03", "25P04", "55P03", "57014"),
    *("SQLITE_BUSY", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_LOCKED", "SQLITE_CANTOPEN"),
    "SQLITE_PROTOCOL",
)
WRONG_CERTIFICATE: Final = "the certificate of the server is not one of the authority in ca="
NO_SERVER: Final = "no server answers at the host and port"
# why the URL cannot be used; a person mends the setting, or the server, while the service waits
WRONG_URL: Final = {
    **dict.fromkeys(("28P01", "28000", "M1045", "M1698"), "the user or the password is wrong"),
    **dict.fromkeys(("3D000", "M1049"), "the database does not exist"),
    **dict.fromkeys(("42501", "M1044"), "the user has no right to the database"),
    **dict.fromkeys(("M2003", "M2002"), NO_SERVER),
}
UNAVAILABLE: Final = {f"M{code}" for code in MARIADB_UNAVAILABLE}


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
    """Translate errors of connections and pools, and the databases' own, of the block.

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
            if why := _wrong_url(error):
                first_line = f"{why} ({first_line})"
            kind = RowLocked if is_lock_timeout(error) else DatabaseUnavailable
            raise kind(first_line) from error
        raise


def is_conflict(error: BaseException) -> bool:
    """Return whether another transaction caused the error, so that a rerun may succeed at once."""
    return isinstance(error, StaleRow) or _code(error) in CONFLICT_CODES


def is_lock_timeout(error: BaseException) -> bool:
    """Return whether a lock was not free within `lock_timeout`."""
    return _code(error) in LOCK_TIMEOUT_CODES


def is_out_of_connections(error: BaseException) -> bool:
    """Return whether the server, or its limit for this role, allows no further connection now."""
    return _code(error) in OUT_OF_CONNECTIONS_CODES


def is_missing_table(error: BaseException) -> bool:
    """Return whether a statement named a table that the database does not have."""
    code = _code(error)
    return code in MISSING_TABLE_CODES or (
        code == "SQLITE_ERROR" and "no such table" in str(getattr(error, "orig", error))
    )


def _is_unavailable(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    code = _code(error)
    return code in UNAVAILABLE or code.startswith(UNAVAILABLE_CODES) or _is_wrong_login(error)


def _wrong_url(error: BaseException) -> str | None:
    """Return what is wrong with the URL, as far as the error shows it."""
    if "CERTIFICATE_VERIFY_FAILED" in str(error):  # asyncmy raises it as a text
        return WRONG_CERTIFICATE
    if isinstance(error, ConnectionRefusedError | gaierror):
        return NO_SERVER
    return WRONG_URL.get(_code(error))


def _is_wrong_login(error: BaseException) -> bool:
    """Return whether the server let nobody in; a statement that lacks a right is another fault."""
    return _code(error) in WRONG_URL and getattr(error, "statement", None) is None


def _code(error: BaseException) -> str:
    """Return PostgreSQL's SQLSTATE, SQLite's error name or MariaDB's number behind an M.

    Empty when the error has none of them.
    """
    cause = getattr(error, "orig", None) or error
    if type(cause).__module__ == "asyncmy.errors" and cause.args:
        return f"M{cause.args[0]}"  # its SQLSTATE is the same for most errors
    code = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
    return code or ""
