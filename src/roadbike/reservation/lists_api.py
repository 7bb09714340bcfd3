"""Staff's list of reservations over HTTP: a page as JSON, or all of it as text/csv."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar.connection import Request
from litestar.params import QueryParameter
from msgspec import UNSET, UnsetType

from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import ReservationStatus
from roadbike.contracts.types import MAX_BIKE_ID, NAME_LENGTH, USER_ID_LENGTH
from roadbike.contracts.wire_names import wire_name
from roadbike.kit.db import Database
from roadbike.kit.web import STAFF, Caller, Links, Reply, Route, get, links, view
from roadbike.kit.web.listing import (
    DEFAULT_SIZE,
    After,
    Day,
    Listing,
    Moment,
    Place,
    Size,
    Slow,
    StaffList,
    cells_of,
)
from roadbike.reservation import domain
from roadbike.reservation.domain import Reservation
from roadbike.reservation.lists import Filters, listed

URL: Final = "/reservations/all"
COLUMNS: Final = (
    *("reservation_id", "reserved_at", "user_id", "user_name", "bike_id", "bike_name"),
    *("price", "store_name", "reservation_status", "reason", "answered", "shipped"),
)


class ListedReservation(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """A reservation in staff's list. price: KRW, left out for a clerk.

    answered: stock has said whether it holds a unit. reason: why it was cancelled.
    """

    reservation_id: UUID
    reserved_at: datetime
    user_id: str
    user_name: str | None
    bike_id: int
    bike_name: str
    price: int | UnsetType
    store_name: str
    reservation_status: ReservationStatus
    reason: Reason | None
    answered: bool
    shipped: bool
    links: Links = {}


class ListedReservations(msgspec.Struct, frozen=True):
    """The reservations of one page."""

    reservations: list[ListedReservation]


class ReservationLists:
    """`/reservations/all`: for staff."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.whole = StaffList(db, URL, _all, _names(COLUMNS), _cells)
        without = [name for name in COLUMNS if name != "price"]
        self.unpriced = StaffList(db, URL, _unpriced, _names(without), _unpriced_cells)

    def routes(self) -> list[Route]:
        return [get(URL, self.everyone, who=STAFF)]

    async def everyone(  # noqa: PLR0913 one keyword for each filter
        self,
        request: Request[Any, Any, Any],
        caller: Caller,
        *,
        reservation_status: Annotated[
            ReservationStatus | None, QueryParameter(name="reserveStatus")
        ] = None,
        day: Day = None,
        user_id: Annotated[
            str | None, QueryParameter(name="userId", max_length=USER_ID_LENGTH)
        ] = None,
        bike_id: Annotated[int | None, QueryParameter(name="bikeId", ge=1, le=MAX_BIKE_ID)] = None,
        store_name: Annotated[
            str | None, QueryParameter(name="reserveStore", max_length=NAME_LENGTH)
        ] = None,
        slow: Slow = None,
        after: After = None,
        size: Size = DEFAULT_SIZE,
    ) -> Reply[Listing[ListedReservations]]:
        """List the reservations of all buyers, the newest first; as text/csv if Accept says so."""
        place = Place.of(after, size, Moment, UUID)
        filters = Filters(
            reservation_status=reservation_status,
            day=day,
            user_id=user_id,
            bike_id=bike_id,
            store_name=store_name,
            slow=slow,
        )
        async with self.db.read() as tx:
            found = listed(filters, await tx.now())
        given = {wire_name(name): value for name, value in asdict(filters).items()}
        list_ = self.whole if caller.is_admin else self.unpriced
        return await list_.answer(request, found, given, place)


def _names(fields: Sequence[str]) -> list[str]:
    return [wire_name(field) for field in fields]


def _all(found: list[Reservation]) -> ListedReservations:
    return ListedReservations([_view(each) for each in found])


def _unpriced(found: list[Reservation]) -> ListedReservations:
    shown = [_view(each) for each in found]
    return ListedReservations([msgspec.structs.replace(each, price=UNSET) for each in shown])


def _view(reservation: Reservation) -> ListedReservation:
    own = f"/reservations/{reservation.reservation_id}"
    related = links(self=own)
    if domain.may_be_cancelled(reservation):
        related |= links(cancel=own)
    return view(ListedReservation, reservation, related)


def _cells(reservation: Reservation) -> list[Any]:
    return cells_of(reservation, COLUMNS)


def _unpriced_cells(reservation: Reservation) -> list[Any]:
    return cells_of(reservation, [name for name in COLUMNS if name != "price"])
