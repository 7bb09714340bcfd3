"""What an invariant is, and the values that all of their queries may name."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from roadbike.contracts.statuses import (
    DeliveryStatus,
    PaymentStatus,
    ReservationStatus,
    StockStatus,
)
from roadbike.kit.messaging.parked import ParkedState
from roadbike.ops.audit.copies import YOUNG
from roadbike.ops.audit.snapshot import text_of
from roadbike.payment.domain import Outcome, Refund
from roadbike.stock.domain import State, Why

PENDING_FOR: Final = timedelta(seconds=60)  # a pending reservation is decided long before
STATUSES: Final[Mapping[str, type[StrEnum]]] = {
    "r": ReservationStatus,
    "p": PaymentStatus,
    "d": DeliveryStatus,
    "s": StockStatus,
    "unit": State,
    "why": Why,
    "outcome": Outcome,
    "refund": Refund,
    "message": ParkedState,
}
VALUES: Final = {
    f"{prefix}_{each.name.lower()}": each.value
    for prefix, statuses in STATUSES.items()
    for each in statuses
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Invariant:
    """One invariant, or a part of one: parts have the same id.

    key: the kind of key that the query returns first; a second column says more about it.
    reads: the copies whose rows are read again for violating keys, in this order: on an open shop
    that of a difference's left side comes first. also: further copies that the query uses.
    settled: it holds only once the shop has nothing left to do.
    journal: it needs the journal of a client.
    """

    id: str
    key: str
    sql: str
    reads: tuple[str, ...]
    also: tuple[str, ...] = ()
    settled: bool = False
    journal: bool = False

    @property
    def copies(self) -> frozenset[str]:
        """Return the names of all copies that the query uses."""
        return frozenset(self.reads + self.also)


def parameters(now: datetime) -> dict[str, Any]:
    """Return the values that queries name: all statuses, and the limits of age.

    young: events that were sent after that time are all kept. young_id: the least UUIDv7 of then.
    """
    young = now - YOUNG
    hexadecimal = f"{int(young.timestamp() * 1000):012x}"
    return VALUES | {
        "young": text_of(young),
        "young_id": f"{hexadecimal[:8]}-{hexadecimal[8:]}",
        "pending_since": text_of(now - PENDING_FOR),
    }
