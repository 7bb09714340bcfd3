"""Kept messages: those that only other, usually newer code of this service can process.

They stand among the parked messages, but are not retried, hold up no later message and count no
failure. As soon as a replica runs that has a policy for their type, they are due there. Those that
nobody turns out to need are deleted.
"""

from collections.abc import Collection, Sequence
from functools import partial
from typing import Final

from sqlalchemy import ColumnElement, delete, func, select, update

from roadbike.kit.db import Database, Tx, claims
from roadbike.kit.db.statements import Statement
from roadbike.kit.messaging import consumed, parked
from roadbike.kit.messaging.broker import Message
from roadbike.kit.messaging.parked import PARKED, ParkedState

_IS_KEPT: Final = PARKED.c.state == ParkedState.KEPT
_SOME: Final = Statement(lambda _: select(PARKED.c.seq).where(_IS_KEPT).limit(1))


class Kept:
    """The messages that one replica keeps for others, or finds kept for itself.

    types: those that it has a policy for. known: all types that its code knows; None: every type.
    """

    def __init__(
        self, db: Database, types: Collection[str], known: Collection[str] | None = None
    ) -> None:
        self._db = db
        self._types = frozenset(types)
        self._known = None if known is None else frozenset(known)

    async def announce(self) -> None:
        """Say that this replica consumes its types. Do it before the first message is fetched."""
        await self._db.transact(partial(consumed.announce, types=self._types))

    async def needed_by_others(self, messages: Sequence[Message]) -> list[Message]:
        """Return those of the messages to keep, none of which has a policy here.

        They are of types that this code does not know, or that other replicas have a policy for.
        """
        if not messages:
            return []
        of_group = await self._announced()
        return [m for m in messages if m.type in of_group or self._is_unknown(m.type)]

    async def is_for_others(self, message: Message) -> bool:
        """Return whether only another replica has a policy for this parked message."""
        return message.type not in self._types and bool(await self.needed_by_others([message]))

    async def release(self, _db: Database) -> None:
        """Make the kept messages of this replica's types due; delete those that nobody needs."""
        async with self._db.read() as tx:
            if await tx.row(_SOME) is None:
                return
        await self._db.transact(partial(_make_due, types=self._types))
        if self._known is not None:
            needless = self._known - self._types - await self._announced()
            await self._db.transact(partial(_delete, types=needless))

    async def _announced(self) -> frozenset[str]:
        async with self._db.read() as tx:
            return await consumed.announced(tx)

    def _is_unknown(self, type_: str) -> bool:
        return self._known is not None and type_ not in self._known


async def keep(tx: Tx, messages: Sequence[Message]) -> None:
    """Store the messages for another replica."""
    for message in messages:
        await parked.park(tx, message, "only newer code can process it", state=ParkedState.KEPT)


async def count(tx: Tx) -> int:
    """Return the number of kept messages."""
    return int(await tx.scalar(select(func.count()).where(_IS_KEPT)))


async def _make_due(tx: Tx, types: Collection[str]) -> None:
    due = {"state": ParkedState.PARKED, "retry_at": await tx.now()}
    await tx.execute(update(PARKED).where(await _among(tx, types)).values(due))


async def _delete(tx: Tx, types: Collection[str]) -> None:
    await tx.execute(delete(PARKED).where(await _among(tx, types)))


async def _among(tx: Tx, types: Collection[str]) -> ColumnElement[bool]:
    """Lock the kept messages of these types that nobody has locked; return a condition for them."""
    kept_ones = select(PARKED.c.seq).where(_IS_KEPT, PARKED.c.type.in_(sorted(types)))
    return PARKED.c.seq.in_(await claims.free_keys(tx, kept_ones))
