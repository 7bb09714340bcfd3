"""Locks on names: transactions that lock the same name run one after the other."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, Integer, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from roadbike.kit.db import RowLocked, Tx
from roadbike.kit.db.bulk import POSTGRESQL
from roadbike.kit.db.mariadb import MARIADB
from roadbike.kit.db.statements import Statement

KEY_BYTES: Final = 8  # PostgreSQL's advisory locks are numbers of 64 bits
NAME_CHARACTERS: Final = 40  # of the database; with the number they are 64 at most
NAME_WAIT_SECONDS: Final = 0.5
LOCK: Final = Statement(
    lambda _: select(
        func.pg_advisory_xact_lock(func.unnest(bindparam("keys", type_=ARRAY(BigInteger))))
    )
)

SHARE: Final = Statement(
    lambda _: select(
        func.pg_advisory_xact_lock_shared(func.unnest(bindparam("keys", type_=ARRAY(BigInteger))))
    )
)


async def lock_names(tx: Tx, kind: str, names: Iterable[str]) -> None:
    """Lock the names of this kind until the end of the transaction, with one statement.

    Wait while another transaction has locked one of them. Nothing is stored, so a name need not
    be the key of a row. Two names may by chance share a lock, which costs only time. A SQLite
    database has one writer at a time and needs no such lock. Raises RowLocked on MariaDB, when one
    is not free within NAME_WAIT_SECONDS.
    """
    keys = sorted({lock_key(kind, name) for name in names})  # in one order, or two would deadlock
    if keys and tx.db.dialect == POSTGRESQL:
        await tx.rows(LOCK, {"keys": keys})
    elif keys and tx.db.dialect == MARIADB:
        await _lock_named(tx, keys)


async def share_names(tx: Tx, kind: str, names: Iterable[str]) -> None:
    """Lock the names as `lock_names` does, but together with others who share them.

    They wait while another one has locked a name, or waits to lock it. MariaDB has no such locks:
    there they wait for each other, too.
    """
    keys = sorted({lock_key(kind, name) for name in names})
    if keys and tx.db.dialect == POSTGRESQL:
        await tx.rows(SHARE, {"keys": keys})
    elif keys and tx.db.dialect == MARIADB:
        await _lock_named(tx, keys)


async def _lock_named(tx: Tx, keys: list[int]) -> None:
    """Lock by names of MariaDB's server, which the session gives back after the transaction."""
    tx.held.mariadb.note_named_locks()
    got = await tx.row(select(*(named_lock(key, NAME_WAIT_SECONDS) for key in keys)))
    assert got is not None
    if not all(got.values()):
        raise RowLocked("a lock of a name was not free in time")


def named_lock(key: int, wait_seconds: float) -> ColumnElement[Any]:
    """Return MariaDB's call for the lock of that number, of the database alone: it gives 1 or 0."""
    name = func.concat(func.left(func.database(), NAME_CHARACTERS), f":{key}")
    return func.get_lock(name, wait_seconds, type_=Integer).label(f"lock{key}".replace("-", "_"))


def lock_key(kind: str, name: str) -> int:
    """Return the number of the advisory lock for the name, the same in every process."""
    digest = blake2b(f"{kind}\0{name}".encode(), digest_size=KEY_BYTES).digest()
    return int.from_bytes(digest, signed=True)
