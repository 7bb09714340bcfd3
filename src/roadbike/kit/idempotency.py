"""Idempotency keys: a repeated request gets the response of the first one, byte for byte.

The row of a key is created in the transaction that begins the work, gets the response in the one
that completes it, and is deleted in the one that undoes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import (
    Column,
    LargeBinary,
    MetaData,
    String,
    Table,
    Uuid,
    delete,
    select,
)

from roadbike.kit.db import Tx, bulk
from roadbike.kit.db.columns import UtcTime
from roadbike.kit.db.statements import Row, Statement
from roadbike.kit.db.times import age_of
from roadbike.kit.pure.refusals import Refusal

KEY_RETENTION: Final = timedelta(hours=24)
KEY_COLUMNS: Final = ("user_id", "route", "key")
DELETED_AFTER: Final = KEY_RETENTION + timedelta(hours=25)  # the clock may be set a day forward


class InProgress(Refusal):
    """The first request with this key is still in progress. Pass `retry_after`."""

    slug = "in-progress"
    status = 409


class KeyReused(Refusal):
    """The key was used before for a different request."""

    slug = "key-reused"
    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An idempotency key of one user for one route, with the fingerprint of the request."""

    user_id: str
    route: str
    key: str
    fingerprint: str

    @property
    def primary_key(self) -> tuple[str, str, str]:
        """Return the primary key of its row."""
        return self.user_id, self.route, self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierRequest:
    """The first request with a key.

    result_id: id of what the request creates. response: its bytes, None while it is in progress.
    age: time since the key was claimed.
    """

    result_id: UUID
    response: bytes | None
    age: timedelta


def table(metadata: MetaData) -> Table:
    """Return the table of idempotency keys for a service that accepts them."""
    return Table(
        "idempotency_key",
        metadata,
        Column("user_id", String(64), primary_key=True),
        Column("route", String(40), primary_key=True),
        Column("key", String(255), primary_key=True),
        Column("fingerprint", String(64), nullable=False),
        Column("result_id", Uuid, nullable=False, index=True),
        Column("response", LargeBinary),
        Column("created_at", UtcTime, nullable=False, index=True),
    )


def fingerprint(body: msgspec.Struct) -> str:
    """Return the SHA-256 of the parsed body, 64 hex digits.

    Members that are None do not count, so that the fingerprint stays the same when a later
    version adds an optional member. Nor do members that the server ignores.
    """
    members: dict[str, Any] = msgspec.to_builtins(body)
    given = {name: value for name, value in members.items() if value is not None}
    return sha256(msgspec.json.encode(given, order="deterministic")).hexdigest()


async def earlier_requests(
    tx: Tx, keys: Table, wanted: Sequence[Key]
) -> list[EarlierRequest | KeyReused | None]:
    """Return the first request with each of the keys, in their order.

    None: there was no request with the key. KeyReused: it had another fingerprint.
    """
    columns = [keys.c[name] for name in KEY_COLUMNS]
    values = bulk.tuples_for(tx.db.dialect, columns, [key.primary_key for key in wanted])
    rows = await tx.rows(_by_keys(keys), values)
    found = {(row["user_id"], row["route"], row["key"]): row for row in rows}
    if not found:
        return [None] * len(wanted)
    now = await tx.now()
    return [_earlier_request(key, found.get(key.primary_key), now) for key in wanted]


async def claim(
    tx: Tx, keys: Table, wanted: Sequence[tuple[Key, UUID]], now: datetime
) -> set[UUID]:
    """Create the rows of new keys; return the result ids of the keys that were not claimed before.

    wanted: each key with the id of the result that its request creates.
    """
    first: dict[tuple[str, str, str], UUID] = {}
    rows: list[dict[str, Any]] = []
    for key, result_id in wanted:
        if first.setdefault(key.primary_key, result_id) == result_id:
            rows.append(_row(key, result_id, now))
    rows.sort(key=lambda row: (row["user_id"], row["route"], row["key"]))
    return {first[primary_key] for primary_key in await bulk.insert_new(tx, keys, rows)}


async def finish(tx: Tx, keys: Table, responses: Mapping[UUID, bytes]) -> None:
    """Store the responses of completed requests, by result id."""
    rows = [{"result_id": result_id, "response": r} for result_id, r in responses.items()]
    await _set_responses(keys).execute(tx, rows)


async def release(tx: Tx, keys: Table, result_ids: Sequence[UUID]) -> None:
    """Delete the keys of results that were undone: the next request with them is a first one."""
    if result_ids:
        await tx.execute(delete(keys).where(keys.c.result_id.in_(result_ids)))


async def delete_old(tx: Tx, keys: Table) -> bool:
    """Delete some keys older than DELETED_AFTER; return whether more may be left."""
    limit = (await tx.now()) - DELETED_AFTER
    return await bulk.delete_some(tx, keys, keys.c.created_at < limit)


@cache
def _by_keys(keys: Table) -> Statement:
    columns = [keys.c[name] for name in KEY_COLUMNS]
    return Statement(lambda dialect: select(keys).where(bulk.among_tuples(dialect, columns)))


@cache
def _set_responses(keys: Table) -> bulk.Update:
    return bulk.Update(keys, "result_id", ["response"])


def _earlier_request(key: Key, row: Row | None, now: datetime) -> EarlierRequest | KeyReused | None:
    if row is None:
        return None
    if row["fingerprint"] != key.fingerprint:
        return KeyReused()
    age = age_of(row["created_at"], now)
    return EarlierRequest(result_id=row["result_id"], response=row["response"], age=age)


def _row(key: Key, result_id: UUID, now: datetime) -> dict[str, Any]:
    return {
        "user_id": key.user_id,
        "route": key.route,
        "key": key.key,
        "fingerprint": key.fingerprint,
        "result_id": result_id,
        "response": None,
        "created_at": now,
    }
