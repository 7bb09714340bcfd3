"""Idempotency keys: the same request again gets the same answer, byte for byte.

A key row is claimed in the transaction that does the work, gets its answer in the one that
finishes it, and goes with the work when that is undone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
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
    bindparam,
    delete,
    select,
    update,
)

from roadbike.kit.columns import UtcTime
from roadbike.kit.db import Tx, insert_new
from roadbike.kit.refusals import Refusal

KEPT: Final = timedelta(hours=24)


class InProgress(Refusal):
    """The first request with this key is still being worked on; give `retry_after`."""

    slug = "in-progress"
    status = 409


class KeyReused(Refusal):
    """The key was used for another request."""

    slug = "key-reused"
    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """Whose key it is, for which route, and a hash of what was asked."""

    user_id: str
    route: str
    key: str
    fingerprint: str

    @property
    def place(self) -> tuple[str, str, str]:
        """The primary key of its row."""
        return self.user_id, self.route, self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What became of the first request: `answer` once it is finished; `age` since its claim."""

    result_id: UUID
    answer: bytes | None
    age: timedelta


def table(metadata: MetaData) -> Table:
    """The table of a service that honours idempotency keys."""
    return Table(
        "idempotency_key",
        metadata,
        Column("user_id", String(64), primary_key=True),
        Column("route", String(40), primary_key=True),
        Column("key", String(255), primary_key=True),
        Column("fingerprint", String(64), nullable=False),
        Column("result_id", Uuid, nullable=False, index=True),
        Column("answer", LargeBinary),
        Column("created_at", UtcTime, nullable=False, index=True),
    )


def fingerprint(body: msgspec.Struct) -> str:
    """A hash of what was asked; what the server ignores does not count."""
    return sha256(msgspec.json.encode(body, order="deterministic")).hexdigest()


async def earlier(tx: Tx, keys: Table, key: Key) -> Earlier | None:
    """The first request with this key. Raises KeyReused when it asked for something else."""
    place = (keys.c.user_id == key.user_id) & (keys.c.route == key.route) & (keys.c.key == key.key)
    row = await tx.row(select(keys).where(place))
    if row is None:
        return None
    if row["fingerprint"] != key.fingerprint:
        raise KeyReused
    age = (await tx.now()) - row["created_at"]
    return Earlier(result_id=row["result_id"], answer=row["answer"], age=age)


async def claim(
    tx: Tx, keys: Table, wanted: Sequence[tuple[Key, UUID]], now: datetime
) -> set[UUID]:
    """Claim the keys for their results; those results whose key was not claimed before."""
    first: dict[tuple[str, str, str], UUID] = {}
    rows: list[dict[str, Any]] = []
    for key, result_id in wanted:
        if first.setdefault(key.place, result_id) == result_id:
            rows.append(_row(key, result_id, now))
    rows.sort(key=lambda row: (row["user_id"], row["route"], row["key"]))
    return {first[place] for place in await insert_new(tx, keys, rows)}


async def finish(tx: Tx, keys: Table, answers: Mapping[UUID, bytes]) -> None:
    """Keep the answers of results that are finished."""
    if answers:
        statement = (
            update(keys).where(keys.c.result_id == bindparam("of")).values(answer=bindparam("told"))
        )
        await tx.execute(statement, [{"of": of, "told": told} for of, told in answers.items()])


async def release(tx: Tx, keys: Table, result_ids: Sequence[UUID]) -> None:
    """Forget the keys of results that were undone: the next request starts anew."""
    if result_ids:
        await tx.execute(delete(keys).where(keys.c.result_id.in_(result_ids)))


async def forget_old(tx: Tx, keys: Table) -> None:
    """Keys are kept for 24 hours."""
    old = (await tx.now()) - KEPT
    some = select(keys.c.result_id).where(keys.c.created_at < old).limit(10_000)
    await tx.execute(delete(keys).where(keys.c.result_id.in_(some)))


def _row(key: Key, result_id: UUID, now: datetime) -> dict[str, Any]:
    return {
        "user_id": key.user_id,
        "route": key.route,
        "key": key.key,
        "fingerprint": key.fingerprint,
        "result_id": result_id,
        "answer": None,
        "created_at": now,
    }
