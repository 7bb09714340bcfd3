"""Staff's list of the reservations of all buyers: what its filters find, and in which order."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select

from roadbike.contracts.shop import SLOW, day_bounds
from roadbike.contracts.statuses import ReservationStatus
from roadbike.kit.db.keyset import Listed
from roadbike.reservation.domain import Reservation
from roadbike.reservation.store import NEWEST_FIRST, RESERVATION, RESERVATIONS, UNANSWERED


@dataclass(frozen=True, kw_only=True, slots=True)
class Filters:
    """What the list is narrowed to; None does not narrow it.

    day: on which it was reserved, in the shop's time zone. slow: stock has not answered for SLOW.
    """

    reservation_status: ReservationStatus | None = None
    day: date | None = None
    user_id: str | None = None
    bike_id: int | None = None
    store_name: str | None = None
    slow: bool | None = None


def listed(filters: Filters, now: datetime) -> Listed[Reservation]:
    """Return the registered reservations that the filters find, the newest first."""
    table = RESERVATION.c
    found = select(RESERVATION).where(table.registered)
    if filters.reservation_status is not None:
        found = found.where(table.reservation_status == filters.reservation_status)
    if filters.day is not None:
        begins, ends = day_bounds(filters.day)
        found = found.where(table.reserved_at >= begins, table.reserved_at < ends)
    if filters.user_id is not None:
        found = found.where(table.user_id == filters.user_id)
    if filters.bike_id is not None:
        found = found.where(table.bike_id == filters.bike_id)
    if filters.store_name is not None:
        found = found.where(table.store_name == filters.store_name)
    if filters.slow:
        found = found.where(UNANSWERED, table.reserved_at < now - SLOW)
    return Listed(found, NEWEST_FIRST, RESERVATIONS.state)
