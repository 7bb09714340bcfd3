"""What a reservation is and how it may change. Pure: no clock, no database, no network.

`reservations`: the facts known of one, and what follows. `bikes`: the copy of the catalogue.
"""

from roadbike.reservation.domain.bikes import (
    Bike,
    as_of,
    available,
    take_one,
    with_catalogue,
    with_free,
)
from roadbike.reservation.domain.refusals import (
    AlreadyDelivered,
    AlreadyShipped,
    NotOnSale,
    PriceChanged,
    SoldOut,
    TooManyOpenReservations,
)
from roadbike.reservation.domain.reservations import (
    LIFECYCLE,
    Cause,
    Reservation,
    answered,
    check_cancellable,
    check_open,
    check_purchase,
    decide,
    is_cancelled,
    is_pending,
    may_be_cancelled,
    may_open,
    noted,
    opened,
    to_cancel,
)

__all__ = [
    "LIFECYCLE",
    "AlreadyDelivered",
    "AlreadyShipped",
    "Bike",
    "Cause",
    "NotOnSale",
    "PriceChanged",
    "Reservation",
    "SoldOut",
    "TooManyOpenReservations",
    "answered",
    "as_of",
    "available",
    "check_cancellable",
    "check_open",
    "check_purchase",
    "decide",
    "is_cancelled",
    "is_pending",
    "may_be_cancelled",
    "may_open",
    "noted",
    "opened",
    "take_one",
    "to_cancel",
    "with_catalogue",
    "with_free",
]
