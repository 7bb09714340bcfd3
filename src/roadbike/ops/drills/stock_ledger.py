"""In which order stock has answered the claims for a bike, from its own database."""

from dataclasses import dataclass
from itertools import pairwise

import msgspec
from sqlalchemy import select

from roadbike.contracts.events import StockAllocated, StockShort
from roadbike.kit.db import Database
from roadbike.kit.messaging.outbox import OUTBOX
from roadbike.local import shop_file
from roadbike.local.home import Home
from roadbike.stock.store import ALLOCATION


@dataclass(frozen=True)
class Answers:
    """The `reserveSeq` of the claims. granted: in the order of granting."""

    granted: list[int]
    short: list[int]

    @property
    def out_of_order(self) -> int:
        """Return how many were granted before an earlier one, or though an earlier one was not."""
        later = sum(earlier > later for earlier, later in pairwise(self.granted))
        first_short = min(self.short, default=None)
        if first_short is None:
            return later
        return later + sum(granted > first_short for granted in self.granted)

    @property
    def are_in_order(self) -> bool:
        return not self.out_of_order


async def read(home: Home, bike_id: int) -> Answers:
    """Return the answers that are in the outbox: those of the last 72 hours at least."""
    db = Database(shop_file.read_known(home).auditors["stock"])
    types = {event.type_name(): event for event in (StockAllocated, StockShort)}
    try:
        async with db.read() as tx:
            claims = select(ALLOCATION.c.reservation_id, ALLOCATION.c.reserve_seq)
            found = await tx.rows(claims.where(ALLOCATION.c.bike_id == bike_id))
            rows = await tx.rows(select(OUTBOX).where(OUTBOX.c.type.in_(types)))
    finally:
        await db.close()
    seqs = {row["reservation_id"]: row["reserve_seq"] for row in found}
    events = [msgspec.json.decode(row["data"], type=types[row["type"]]) for row in rows]
    mine = sorted(
        (event for event in events if event.reservation_id in seqs),
        key=lambda event: event.free_seq,
    )
    return Answers(
        granted=[seqs[e.reservation_id] for e in mine if isinstance(e, StockAllocated)],
        short=[seqs[e.reservation_id] for e in mine if isinstance(e, StockShort)],
    )
