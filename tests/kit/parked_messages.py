"""A use case that fails on certain events, and the messages that are parked because of it."""

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import RowMapping, select, update

from roadbike.kit.db import Database, Tx
from roadbike.kit.messaging.broker import Message
from roadbike.kit.messaging.parked import PARKED, ParkedState
from tests.kit.counters import Incremented, increment, message


class FailingHandler:
    """Fails on events with the values in `fails_on`; records what it tried and has done."""

    def __init__(self, *fails_on: int) -> None:
        self.fails_on = set(fails_on)
        self.tried: list[int] = []
        self.done: list[int] = []

    async def __call__(self, tx: Tx, event: Incremented) -> None:
        self.tried.append(event.value)
        await increment(tx, event.name)
        if event.value in self.fails_on:
            raise LookupError(f"failed on {event.value}")
        tx.after_commit(lambda: self.done.append(event.value))


def messages(names: Iterable[str], start: int = 0) -> list[Message]:
    return [message(Incremented(name=name, value=n)) for n, name in enumerate(names, start)]


async def parked(db: Database, state: ParkedState = ParkedState.PARKED) -> list[RowMapping]:
    async with db.read() as tx:
        of_state = select(PARKED).where(PARKED.c.state == state)
        return list(await tx.rows(of_state.order_by(PARKED.c.seq)))


async def parked_after(db: Database, attempts: int) -> None:
    """Let all parked messages be due after so many failed attempts."""
    async with db.begin() as tx:
        await tx.execute(update(PARKED).values(attempts=attempts))
    await make_due(db)


async def make_due(db: Database) -> None:
    """End the wait of all parked messages."""
    async with db.begin() as tx:
        await tx.execute(update(PARKED).values(retry_at=(await tx.now()) - timedelta(seconds=1)))
