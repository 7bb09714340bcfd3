"""The SQLAlchemy engine of a database URL, set up for PostgreSQL or SQLite."""

from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

POOL_SIZE: Final = 10
POOL_TIMEOUT_SECONDS: Final = 2
CONNECT_TIMEOUT_SECONDS: Final = 5
COMMAND_TIMEOUT_SECONDS: Final = 30
SQLITE_BUSY_MS: Final = 5_000
# PostgreSQL caches the plan of a prepared statement. A plan made while the table is small is a
# sequential scan and stays one as the table grows; planning every time cost 25 % of its CPU.
PREFER_INDEXES: Final = {"enable_seqscan": "off", "jit": "off"}
# the pool ends its connections, the server does not (kit/pure/idle.py)
NEVER_IDLE_OUT: Final = {"idle_session_timeout": "0"}


def new_engine(url: str) -> AsyncEngine:
    """Return an engine for the URL (postgresql+asyncpg:// or sqlite+aiosqlite://)."""
    if url.startswith("sqlite"):
        engine = create_async_engine(url, connect_args={"timeout": SQLITE_BUSY_MS / 1000})
        event.listen(engine.sync_engine, "connect", _set_up_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    return create_async_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        connect_args={
            "timeout": CONNECT_TIMEOUT_SECONDS,
            "command_timeout": COMMAND_TIMEOUT_SECONDS,
            "server_settings": PREFER_INDEXES | NEVER_IDLE_OUT,
        },
    )


def read_options(dialect: str) -> dict[str, Any]:
    """Return the execution options of reads: PostgreSQL then needs no BEGIN and no COMMIT."""
    return {"read_only": True} if dialect == "sqlite" else {"isolation_level": "AUTOCOMMIT"}


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # `_begin_sqlite` begins the transactions
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # WAL with NORMAL loses commits in a power cut
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    read_only = connection.get_execution_options().get("read_only")
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
