"""Staff's lists of payments and refunds over HTTP: a page as JSON, or all of it as text/csv."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar.connection import Request
from litestar.params import QueryParameter

from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import PaymentStatus
from roadbike.contracts.types import MAX_BIKE_ID, NAME_LENGTH, USER_ID_LENGTH
from roadbike.contracts.wire_names import wire_name
from roadbike.kit.db import Database
from roadbike.kit.db.keyset import Listed
from roadbike.kit.web import ADMIN, Links, Reply, Route, get, links, view
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
from roadbike.payment import lists
from roadbike.payment.domain import PaymentSummary
from roadbike.payment.lists import Filters, ListedRefund

COLUMNS: Final = (
    *("payment_id", "reservation_id", "opened_at", "user_id", "bike_id", "price"),
    *("payment_status", "reason", "store_name"),
)
REFUND_COLUMNS: Final = (
    *("payment_id", "reservation_id", "since", "user_id", "bike_id", "price"),
    *("payment_status", "owed", "store_name"),
)

StatusFilter = Annotated[PaymentStatus | None, QueryParameter(name="payStatus")]
BuyerFilter = Annotated[str | None, QueryParameter(name="userId", max_length=USER_ID_LENGTH)]
BikeFilter = Annotated[int | None, QueryParameter(name="bikeId", ge=1, le=MAX_BIKE_ID)]
StoreFilter = Annotated[str | None, QueryParameter(name="reserveStore", max_length=NAME_LENGTH)]


class ListedPayment(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """A payment in staff's list. price: KRW. reason: why it was cancelled."""

    payment_id: UUID
    reservation_id: UUID
    opened_at: datetime | None
    user_id: str
    bike_id: int
    price: int
    store_name: str | None
    payment_status: PaymentStatus
    reason: Reason | None
    links: Links = {}


class ListedPayments(msgspec.Struct, frozen=True):
    """The payments of one page."""

    payments: list[ListedPayment]


class RefundView(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """A refund in staff's list. since: when it began. owed: the provider has not confirmed it."""

    payment_id: UUID
    reservation_id: UUID
    since: datetime
    user_id: str
    bike_id: int
    price: int
    store_name: str | None
    payment_status: PaymentStatus
    owed: bool
    links: Links = {}


class Refunds(msgspec.Struct, frozen=True):
    """The refunds of one page."""

    refunds: list[RefundView]


class PaymentLists:
    """`/payments/all` and `/payments/refunds`: for admins."""

    def __init__(self, db: Database) -> None:
        self.db = db
        names = [wire_name(field) for field in COLUMNS]
        self.payments = StaffList(db, "/payments/all", _payments, names, _payment_cells)
        names = [wire_name(field) for field in REFUND_COLUMNS]
        self.refunds = StaffList(db, "/payments/refunds", _refunds, names, _refund_cells)

    def routes(self) -> list[Route]:
        return [
            get("/payments/all", self.everyone, who=ADMIN),
            get("/payments/refunds", self.refunded, who=ADMIN),
        ]

    async def everyone(  # noqa: PLR0913 one keyword for each filter
        self,
        request: Request[Any, Any, Any],
        *,
        payment_status: StatusFilter = None,
        day: Day = None,
        user_id: BuyerFilter = None,
        bike_id: BikeFilter = None,
        store_name: StoreFilter = None,
        slow: Slow = None,
        after: After = None,
        size: Size = DEFAULT_SIZE,
    ) -> Reply[Listing[ListedPayments]]:
        """List the payments of all buyers, the newest first; as text/csv if Accept says so."""
        place = Place.of(after, size, Moment, UUID)
        filters = Filters(
            payment_status=payment_status,
            day=day,
            user_id=user_id,
            bike_id=bike_id,
            store_name=store_name,
            slow=slow,
        )
        found: Listed[PaymentSummary] = lists.payments(filters, await self._now())
        return await self.payments.answer(request, found, _given(filters), place)

    async def refunded(  # noqa: PLR0913 one keyword for each filter
        self,
        request: Request[Any, Any, Any],
        *,
        payment_status: StatusFilter = None,
        day: Day = None,
        user_id: BuyerFilter = None,
        bike_id: BikeFilter = None,
        store_name: StoreFilter = None,
        slow: Slow = None,
        after: After = None,
        size: Size = DEFAULT_SIZE,
    ) -> Reply[Listing[Refunds]]:
        """List the refunds, the last begun first; as text/csv if Accept says so."""
        place = Place.of(after, size, Moment, UUID)
        filters = Filters(
            payment_status=payment_status,
            day=day,
            user_id=user_id,
            bike_id=bike_id,
            store_name=store_name,
            slow=slow,
        )
        found = lists.refunds(filters, await self._now())
        return await self.refunds.answer(request, found, _given(filters), place)

    async def _now(self) -> datetime:
        async with self.db.read() as tx:
            return await tx.now()


def _given(filters: Filters) -> dict[str, Any]:
    return {wire_name(name): value for name, value in asdict(filters).items()}


def _payments(found: list[PaymentSummary]) -> ListedPayments:
    return ListedPayments([view(ListedPayment, each, _links(each)) for each in found])


def _refunds(found: list[ListedRefund]) -> Refunds:
    return Refunds([view(RefundView, each, _links(each)) for each in found])


def _links(payment: PaymentSummary | ListedRefund) -> Links:
    return links(
        self=f"/payments/{payment.payment_id}",
        reservation=f"/reservations/{payment.reservation_id}",
    )


def _payment_cells(payment: PaymentSummary) -> list[Any]:
    return cells_of(payment, COLUMNS)


def _refund_cells(refund: ListedRefund) -> list[Any]:
    return cells_of(refund, REFUND_COLUMNS)
