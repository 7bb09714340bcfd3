"""A simulated provider, refused in production. Its journal is the truth about the money.

The token of a charge (the header X-Simulate) names how the provider behaves; without a token
the behaviour is drawn at random by the rates of the settings.
"""

import asyncio
import random
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Self
from uuid import UUID

from sqlalchemy import BigInteger, Column, MetaData, String, Table, Uuid, select

from roadbike.kit.db import Database, DatabaseUnavailable, Tx
from roadbike.kit.db.bulk import insert_new
from roadbike.kit.db.columns import UtcTime, utc_now
from roadbike.kit.resilience.batching import Batches
from roadbike.payment.providers import (
    Approved,
    Charge,
    Declined,
    InvalidToken,
    Snapshot,
    Unknown,
)

SLOW_SECONDS: Final = 5.0

_metadata: Final = MetaData()

JOURNAL: Final = Table(
    "journal",
    _metadata,
    Column("attempt_id", Uuid, primary_key=True),
    Column("kind", String(10), primary_key=True),
    Column("amount", BigInteger, nullable=False),
    Column("at", UtcTime, nullable=False, default=utc_now()),
)


class Behaviour(StrEnum):
    """How the simulated provider treats a charge."""

    APPROVE = "approve"
    DECLINE = "decline"
    UNKNOWN_CAPTURED = "unknown-captured"  # takes the money, gives no usable answer
    UNKNOWN_NOT_CAPTURED = "unknown-not-captured"
    SLOW = "slow"  # takes the money, answers after the caller's timeout
    ERROR_AFTER_COMMIT = "error-after-commit"  # takes the money, then fails


TAKES_MONEY: Final = frozenset(Behaviour) - {Behaviour.DECLINE, Behaviour.UNKNOWN_NOT_CAPTURED}


class SimulatedProvider:
    """rates: the share of charges with each behaviour other than approving, {DECLINE: 0.1}.

    journal_url: a database of the provider's own.
    """

    def __init__(self, journal_url: str, rates: dict[Behaviour, float]) -> None:
        self._db = Database(journal_url)
        self._rates = rates
        self._entering: Batches[dict[str, object], None] = Batches(self._enter)

    async def __aenter__(self) -> Self:
        async with self._db.engine.begin() as connection:
            await connection.run_sync(_metadata.create_all)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._db.close()

    def checked_token(self, token: str | None) -> str:
        if token is not None and token not in set(Behaviour):
            raise InvalidToken(list(Behaviour))
        return token or ""

    async def open(self, charge: Charge) -> dict[str, str]:
        return {"attemptId": str(charge.attempt_id)}

    async def confirm(self, charge: Charge) -> Approved | Declined:
        behaviour = self._behaviour(charge)
        if behaviour in TAKES_MONEY:
            await self._write(charge, "capture")
        match behaviour:
            case Behaviour.APPROVE:
                return Approved(_id("capture", charge))
            case Behaviour.DECLINE:
                return Declined()
            case Behaviour.SLOW:
                await asyncio.sleep(SLOW_SECONDS)
                return Approved(_id("capture", charge))
            case _:
                raise Unknown(behaviour)

    async def fetch(self, charge: Charge) -> Snapshot:
        try:
            async with self._db.read() as tx:
                kinds = await _kinds(tx, charge.attempt_id)
        except DatabaseUnavailable as error:
            raise Unknown(str(error)) from error
        return Snapshot(
            captured=_id("capture", charge) if "capture" in kinds else None,
            refunded=_id("refund", charge) if "refund" in kinds else None,
        )

    async def cancel(self, charge: Charge, reason: str) -> str:  # noqa: ARG002 the port's
        await self._write(charge, "refund")
        return _id("refund", charge)

    def _behaviour(self, charge: Charge) -> Behaviour:
        if charge.token:
            return Behaviour(charge.token)
        drawn = random.Random(str(charge.attempt_id)).random()  # noqa: S311 repeated calls draw the same
        for behaviour, rate in self._rates.items():
            if drawn < rate:
                return behaviour
            drawn -= rate
        return Behaviour.APPROVE

    async def _write(self, charge: Charge, kind: str) -> None:
        row = {"attempt_id": charge.attempt_id, "kind": kind, "amount": charge.amount}
        try:
            await self._entering.submit(row)
        except DatabaseUnavailable as error:
            raise Unknown(str(error)) from error

    async def _enter(self, rows: Sequence[dict[str, object]]) -> list[None]:
        async with self._db.begin() as tx:
            await insert_new(tx, JOURNAL, rows)
        return [None] * len(rows)


async def _kinds(tx: Tx, attempt_id: UUID) -> set[str]:
    found = select(JOURNAL.c.kind).where(JOURNAL.c.attempt_id == attempt_id)
    return {row["kind"] for row in await tx.rows(found)}


def _id(kind: str, charge: Charge) -> str:
    return f"sim-{kind}-{charge.attempt_id}"
