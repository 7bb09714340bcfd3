"""A handler that fails on some messages, and what is parked because of it."""

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import RowMapping, select, update

from roadbike.kit.db import Database, Tx
from roadbike.kit.messaging.broker import Message
from roadbike.kit.messaging.parked import PARKED, ParkedState
from tests.kit.things import Raised, message, raise_counter


class Handler:
    """Fails on the values in `bad`, and remembers what it has done."""

    def __init__(self, *bad: int) -> None:
        self.bad = set(bad)
        self.tried: list[int] = []
        self.done: list[int] = []

    async def __call__(self, tx: Tx, event: Raised) -> None:
        self.tried.append(event.value)
        await raise_counter(tx, event.name)
        if event.value in self.bad:
            raise LookupError(f"no {event.value}")
        tx.after_commit(lambda: self.done.append(event.value))


def messages(names: Iterable[str], start: int = 0) -> list[Message]:
    return [message(Raised(name=name, value=n)) for n, name in enumerate(names, start)]


async def parked(db: Database, state: ParkedState = ParkedState.PARKED) -> list[RowMapping]:
    async with db.read() as tx:
        of_state = select(PARKED).where(PARKED.c.state == state)
        return list(await tx.rows(of_state.order_by(PARKED.c.seq)))


async def make_due(db: Database) -> None:
    """As if the back-off were over."""
    async with db.begin() as tx:
        await tx.execute(update(PARKED).values(retry_at=(await tx.now()) - timedelta(seconds=1)))
