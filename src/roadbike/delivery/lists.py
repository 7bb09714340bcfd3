"""Staff's list of deliveries: what its filters find, and in which order."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import or_, select

from roadbike.contracts.shop import SLOW, day_bounds
from roadbike.contracts.statuses import DeliveryStatus
from roadbike.delivery.domain import Delivery
from roadbike.delivery.store import DELIVERIES, DELIVERY, NEWEST_FIRST, SERVED
from roadbike.kit.db.keyset import Keyset, Listed

OLDEST_FIRST: Final = Keyset((DELIVERY.c.delivery_id,), descending=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Filters:
    """What the list is narrowed to; None does not narrow it.

    day: on which the parcel last left or arrived, in the shop's time zone. slow: paid for longer
    than SLOW, and stock holds no unit yet. oldest_first: the order; None is the newest first.
    """

    delivery_status: DeliveryStatus | None = None
    day: date | None = None
    user_id: str | None = None
    bike_id: int | None = None
    store_name: str | None = None
    slow: bool | None = None
    oldest_first: bool | None = None


def listed(filters: Filters, now: datetime) -> Listed[Delivery]:
    """Return the deliveries that the filters find."""
    table = DELIVERY.c
    found = select(DELIVERY).where(SERVED)
    if filters.delivery_status is not None:
        found = found.where(table.delivery_status == filters.delivery_status)
    if filters.day is not None:
        begins, ends = day_bounds(filters.day)
        found = found.where(table.delivered_at >= begins, table.delivered_at < ends)
    if filters.user_id is not None:
        found = found.where(table.user_id == filters.user_id)
    if filters.bike_id is not None:
        found = found.where(table.bike_id == filters.bike_id)
    if filters.store_name is not None:
        found = found.where(table.store_name == filters.store_name)
    if filters.slow:
        waits = or_(table.allocated_bike_id.is_(None), table.allocated_bike_id != table.bike_id)
        old = or_(table.prepared_at.is_(None), table.prepared_at < now - SLOW)
        preparing = table.delivery_status == DeliveryStatus.PREPARING
        found = found.where(preparing, waits, old)
    order = OLDEST_FIRST if filters.oldest_first else NEWEST_FIRST
    return Listed(found, order, DELIVERIES.state)
