"""Locks on names: transactions that lock the same name run one after the other."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

from sqlalchemy import BigInteger, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from roadbike.kit.db import Tx
from roadbike.kit.db.bulk import POSTGRESQL
from roadbike.kit.db.statements import Statement

KEY_BYTES: Final = 8  # PostgreSQL's advisory locks are numbers of 64 bits
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
    database has one writer at a time and needs no such lock.
    """
    keys = sorted({lock_key(kind, name) for name in names})  # in one order, or two would deadlock
    if keys and tx.db.dialect == POSTGRESQL:
        await tx.rows(LOCK, {"keys": keys})


async def share_names(tx: Tx, kind: str, names: Iterable[str]) -> None:
    """Lock the names as `lock_names` does, but together with others who share them.

    They wait while another one has locked a name, or waits to lock it.
    """
    keys = sorted({lock_key(kind, name) for name in names})
    if keys and tx.db.dialect == POSTGRESQL:
        await tx.rows(SHARE, {"keys": keys})


def lock_key(kind: str, name: str) -> int:
    """Return the number of the advisory lock for the name, the same in every process."""
    digest = blake2b(f"{kind}\0{name}".encode(), digest_size=KEY_BYTES).digest()
    return int.from_bytes(digest, signed=True)
