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
    RowMapping,
    String,
    Table,
    Uuid,
    bindparam,
    delete,
    select,
    tuple_,
    update,
)

from roadbike.kit.db import Tx
from roadbike.kit.db.bulk import insert_new
from roadbike.kit.db.columns import UtcTime
from roadbike.kit.pure.refusals import Refusal

KEPT: Final = timedelta(hours=24)
AT_ONCE: Final = 10_000  # keys forgotten in one transaction


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
    """A hash of what was asked; what the server ignores does not count.

    Nor does what was left out: a member that a later version adds changes no hash.
    """
    asked: dict[str, Any] = msgspec.to_builtins(body)
    told = {name: value for name, value in asked.items() if value is not None}
    return sha256(msgspec.json.encode(told, order="deterministic")).hexdigest()


async def earlier(tx: Tx, keys: Table, wanted: Sequence[Key]) -> list[Earlier | KeyReused | None]:
    """The first request with each key, in order; KeyReused for one that asked something else."""
    columns = tuple_(keys.c.user_id, keys.c.route, keys.c.key)
    rows = await tx.rows(select(keys).where(columns.in_({key.place for key in wanted})))
    found = {(row["user_id"], row["route"], row["key"]): row for row in rows}
    if not found:
        return [None] * len(wanted)
    now = await tx.now()
    return [_earlier(key, found.get(key.place), now) for key in wanted]


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


async def forget_old(tx: Tx, keys: Table) -> bool:
    """Keys are kept for 24 hours; whether there may be more old ones than were forgotten."""
    old = (await tx.now()) - KEPT
    some = select(keys.c.result_id).where(keys.c.created_at < old).limit(AT_ONCE)
    return (await tx.execute(delete(keys).where(keys.c.result_id.in_(some)))).rowcount >= AT_ONCE


def _earlier(key: Key, row: RowMapping | None, now: datetime) -> Earlier | KeyReused | None:
    if row is None:
        return None
    if row["fingerprint"] != key.fingerprint:
        return KeyReused()
    age = now - row["created_at"]
    return Earlier(result_id=row["result_id"], answer=row["answer"], age=age)


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
