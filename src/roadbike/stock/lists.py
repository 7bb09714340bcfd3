"""Staff's list of bikes: what its filters find, by number."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import or_, select

from roadbike.kit.db.keyset import Keyset, Listed
from roadbike.stock.domain import Bike
from roadbike.stock.store import BIKE, BIKES, WITH_TEXT, matches

BY_NUMBER: Final = Keyset((BIKE.c.bike_id,), descending=False)
FEW: Final = 3  # units or fewer that can still be reserved
LONGEST_NUMBER: Final = 10  # digits


@dataclass(frozen=True, kw_only=True, slots=True)
class Filters:
    """What the list is narrowed to; None does not narrow it.

    q: a number, or a text of the name or the brand. low: FEW or fewer units can still be reserved.
    withdrawn: true shows those that were withdrawn, too.
    """

    q: str | None = None
    low: bool | None = None
    withdrawn: bool | None = None


def listed(filters: Filters) -> Listed[Bike]:
    """Return the bikes that the filters find, by their numbers."""
    found = select(BIKE)
    if filters.q:
        named = matches(filters.q)
        number = filters.q if filters.q.isascii() and filters.q.isdigit() else ""
        if number and len(number) <= LONGEST_NUMBER:
            named = or_(named, BIKE.c.bike_id == int(number))
        found = found.select_from(WITH_TEXT).where(named)
    if filters.low:
        found = found.where(BIKE.c.stock_quantity - BIKE.c.held_quantity <= FEW)
    if not filters.withdrawn:
        found = found.where(~BIKE.c.withdrawn)
    return Listed(found, BY_NUMBER, BIKES.state)
