"""What a delivery is and how it may change. Pure: without clock, database and network.

`delivery`: the facts known of a purchase, and what follows from them. `moves`: what people change.
"""

from roadbike.delivery.domain.delivery import (
    CONTACT,
    LIFECYCLE,
    Cause,
    Delivery,
    contradictions,
    decide,
    noted,
)
from roadbike.delivery.domain.moves import (
    completed,
    corrected,
    labelled,
    lacks_contact,
    may_be_corrected,
    missing,
    moved,
    next_moves,
)
from roadbike.delivery.domain.refusals import (
    AddressFixed,
    IllegalMove,
    NoAddress,
    NoMoreMoves,
    NotAllocated,
    ParcelCancelled,
)

__all__ = [
    "CONTACT",
    "LIFECYCLE",
    "AddressFixed",
    "Cause",
    "Delivery",
    "IllegalMove",
    "NoAddress",
    "NoMoreMoves",
    "NotAllocated",
    "ParcelCancelled",
    "completed",
    "contradictions",
    "corrected",
    "decide",
    "labelled",
    "lacks_contact",
    "may_be_corrected",
    "missing",
    "moved",
    "next_moves",
    "noted",
]
