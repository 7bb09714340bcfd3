"""The SQLAlchemy engines of a database URL, set up for PostgreSQL, MariaDB or SQLite.

Each room (`kit.pure.rooms`) has an engine of its own.
"""

import math
from typing import Any, Final

from sqlalchemy import NullPool, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from roadbike.kit.db import tls
from roadbike.kit.db.mariadb import MARIADB, SESSION
from roadbike.kit.pure.rooms import IDLE_IN_TRANSACTION_MS, ROOMS, Room

CONNECT_TIMEOUT_SECONDS: Final = 5
SQLITE_BUSY_MS: Final = 5_000
# PostgreSQL caches the plan of a prepared statement. A plan made while the table is small is a
# sequential scan and stays one as the table grows; planning every time cost 25 % of its CPU.
PREFER_INDEXES: Final = {"enable_seqscan": "off", "jit": "off"}
# the pool ends its connections, the server does not (kit/pure/idle.py)
NEVER_IDLE_OUT: Final = {"idle_session_timeout": "0"}
LOST_PEERS: Final = {
    "tcp_keepalives_idle": "5",  # seconds
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "5000",  # ms; also for a peer that does not read a result
}
# Execution options of connections whose transactions `kit.db.driver` begins and ends.
TRANSACTIONS_BY_HAND: Final[dict[str, dict[str, Any]]] = {
    "postgresql": {"isolation_level": "AUTOCOMMIT"},
    MARIADB: {"isolation_level": "AUTOCOMMIT"},
    "sqlite": {"by_hand": True},
}
ANSWER_SECONDS: Final = 0.5  # beyond the limit of a statement: then the server itself hangs


def new_engines(url: str) -> dict[Room, AsyncEngine]:
    """Return an engine per room (postgresql+asyncpg://, mariadb+asyncmy:// or sqlite+aiosqlite://).

    They are one and the same engine for a SQLite database in memory, which only it can see.
    """
    if is_mariadb(url):
        return {room: _mariadb(url, room) for room in ROOMS}
    if not url.startswith("sqlite"):
        return {room: _postgresql(url, room) for room in ROOMS}
    if make_url(url).database in {None, "", ":memory:"}:
        return dict.fromkeys(ROOMS, _sqlite(url))
    return {room: _sqlite(url, poolclass=NullPool) for room in ROOMS}


def is_mariadb(url: str) -> bool:
    """Return whether it is the URL of a MariaDB database."""
    return url.startswith(("mariadb", "mysql"))


def answer_seconds(room: Room) -> float:
    """Return after how many seconds without an answer to a statement its server counts as lost."""
    return room.statement_ms / 1000 + ANSWER_SECONDS


def mariadb_settings(room: Room) -> dict[str, str]:
    """Return the settings of each session of MariaDB in that room; see `session_settings`.

    It counts whole seconds, except for the time of a statement.
    """
    limits = {
        "idle_transaction_timeout": math.ceil(IDLE_IN_TRANSACTION_MS / 1000),
        "innodb_lock_wait_timeout": math.ceil(room.lock_ms / 1000),
        "lock_wait_timeout": math.ceil(room.lock_ms / 1000),
        "max_statement_time": room.statement_ms / 1000,
    }
    return SESSION | {name: str(limit) for name, limit in limits.items()}


def session_settings(room: Room) -> dict[str, str]:
    """Return the settings of each session of PostgreSQL in that room."""
    limits = {
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_MS,
        "lock_timeout": room.lock_ms,
        "statement_timeout": room.statement_ms,
    }
    in_ms = {name: str(limit) for name, limit in limits.items()}
    return PREFER_INDEXES | NEVER_IDLE_OUT | LOST_PEERS | in_ms


def _postgresql(url: str, room: Room) -> AsyncEngine:
    url, encrypted = tls.taken_out(url)
    return create_async_engine(
        url,
        hide_parameters=True,  # errors are logged, and parameters hold names and addresses
        poolclass=NullPool,  # `kit.db.connections` keeps them
        connect_args={
            "timeout": CONNECT_TIMEOUT_SECONDS,
            "command_timeout": answer_seconds(room),
            "server_settings": session_settings(room),
            **encrypted,
        },
    )


def _mariadb(url: str, room: Room) -> AsyncEngine:
    url, encrypted = tls.taken_out(url)
    settings = (f"{name} = {value}" for name, value in mariadb_settings(room).items())
    return create_async_engine(
        url,
        hide_parameters=True,
        poolclass=NullPool,
        isolation_level="READ COMMITTED",
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "init_command": f"SET {', '.join(settings)}",
            **encrypted,
        },
    )


def _sqlite(url: str, **pool: Any) -> AsyncEngine:
    engine = create_async_engine(
        url, connect_args={"timeout": SQLITE_BUSY_MS / 1000}, hide_parameters=True, **pool
    )
    event.listen(engine.sync_engine, "connect", _set_up_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # it begins no transaction by itself
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # WAL with NORMAL loses commits in a power cut
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    if not connection.get_execution_options().get("by_hand"):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
