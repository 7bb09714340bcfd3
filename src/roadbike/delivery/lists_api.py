"""Staff's list of deliveries over HTTP: a page as JSON, or all of it as text/csv."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar.connection import Request
from litestar.params import QueryParameter

from roadbike.contracts.statuses import DeliveryStatus
from roadbike.contracts.types import MAX_BIKE_ID, NAME_LENGTH, USER_ID_LENGTH
from roadbike.contracts.wire_names import wire_name
from roadbike.delivery import domain
from roadbike.delivery.api import RELS
from roadbike.delivery.domain import Delivery
from roadbike.delivery.lists import Filters, listed
from roadbike.kit.db import Database
from roadbike.kit.web import STAFF, Links, Reply, Route, etag, get, links
from roadbike.kit.web.listing import (
    DEFAULT_SIZE,
    After,
    Day,
    Listing,
    Place,
    Size,
    Slow,
    StaffList,
    cells_of,
)

URL: Final = "/deliveries/all"
COLUMNS: Final = (
    *("delivery_id", "reservation_id", "bike_id", "user_id", "user_name", "phone", "zip_code"),
    *("address", "delivery_status", "prepared_at", "delivered_at", "carrier", "tracking_number"),
    "store_name",
)


class ListedDelivery(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """A delivery in staff's list.

    prepared_at: when it was paid; None when that is not known. allocated: stock holds a unit.
    """

    delivery_id: UUID
    reservation_id: UUID
    bike_id: int
    store_name: str | None
    user_id: str
    user_name: str | None
    phone: str | None
    zip_code: str | None
    address: str | None
    delivery_status: DeliveryStatus
    prepared_at: datetime | None
    delivered_at: datetime | None
    carrier: str | None
    tracking_number: str | None
    allocated: bool
    etag: str
    links: Links = {}


class ListedDeliveries(msgspec.Struct, frozen=True):
    """The deliveries of one page."""

    deliveries: list[ListedDelivery]


class DeliveryLists:
    """`/deliveries/all`: for staff."""

    def __init__(self, db: Database) -> None:
        self.db = db
        names = [wire_name(field) for field in COLUMNS]
        self.list = StaffList(db, URL, _shown, names, _cells)

    def routes(self) -> list[Route]:
        return [get(URL, self.everyone, who=STAFF)]

    async def everyone(  # noqa: PLR0913 one keyword for each filter
        self,
        request: Request[Any, Any, Any],
        *,
        delivery_status: Annotated[
            DeliveryStatus | None, QueryParameter(name="deliveryStatus")
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
        oldest_first: Annotated[bool | None, QueryParameter(name="oldestFirst")] = None,
        after: After = None,
        size: Size = DEFAULT_SIZE,
    ) -> Reply[Listing[ListedDeliveries]]:
        """List the deliveries to all buyers; as text/csv if Accept says so."""
        place = Place.of(after, size, UUID)
        filters = Filters(
            delivery_status=delivery_status,
            day=day,
            user_id=user_id,
            bike_id=bike_id,
            store_name=store_name,
            slow=slow,
            oldest_first=oldest_first,
        )
        async with self.db.read() as tx:
            found = listed(filters, await tx.now())
        given = {wire_name(name): value for name, value in asdict(filters).items()}
        return await self.list.answer(request, found, given, place)


def _shown(found: list[Delivery]) -> ListedDeliveries:
    return ListedDeliveries([_view(each) for each in found])


def _view(delivery: Delivery) -> ListedDelivery:
    path = f"/deliveries/{delivery.delivery_id}"
    moves = domain.next_moves(delivery)
    related = links(self=path, **{rel: path for move, rel in RELS.items() if move in moves})
    if domain.may_be_corrected(delivery):
        related |= links(correctAddress=path)
    facts = {name: getattr(delivery, name) for name in COLUMNS}
    return ListedDelivery(
        **facts,
        allocated=delivery.is_allocated,
        etag=etag(delivery.row_version),
        links=related,
    )


def _cells(delivery: Delivery) -> list[Any]:
    return cells_of(delivery, COLUMNS)
