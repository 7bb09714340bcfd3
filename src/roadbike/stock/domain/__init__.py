"""What stock decides. Pure: without clock, database and network.

`bikes`: the bikes of the catalogue and how staff change them. `allocations`: the units held for
reservations, and what follows from the facts known of a purchase. `texts`: what bikes are searched
and sorted by. `imports`: bikes that staff import from a file.
"""

from roadbike.stock.domain.allocations import (
    LIFECYCLE,
    STATUSES,
    Allocation,
    Cause,
    Decision,
    State,
    StockEvent,
    decide,
    is_contradicted,
    noted,
)
from roadbike.stock.domain.bikes import (
    AUDITED,
    BelowHeld,
    Bike,
    BikeExists,
    Movement,
    Why,
    action_of,
    bike_event,
    edited,
    refused_edit,
    serves,
    staff_movements,
    unknown,
    withdrawn,
)
from roadbike.stock.domain.imports import ImportRow, RowFault, imported, row_fault
from roadbike.stock.domain.texts import RULE, BikeText, bike_text

__all__ = [
    "AUDITED",
    "LIFECYCLE",
    "RULE",
    "STATUSES",
    "Allocation",
    "BelowHeld",
    "Bike",
    "BikeExists",
    "BikeText",
    "Cause",
    "Decision",
    "ImportRow",
    "Movement",
    "RowFault",
    "State",
    "StockEvent",
    "Why",
    "action_of",
    "bike_event",
    "bike_text",
    "decide",
    "edited",
    "imported",
    "is_contradicted",
    "noted",
    "refused_edit",
    "row_fault",
    "serves",
    "staff_movements",
    "unknown",
    "withdrawn",
]
