"""Staff's lists of payments and of refunds: what their filters find, and in which order."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, select, union

from roadbike.contracts.shop import SLOW, day_bounds
from roadbike.contracts.statuses import PaymentStatus
from roadbike.kit.db.keyset import Keyset, Listed
from roadbike.kit.db.statements import Row
from roadbike.payment.domain import PaymentSummary
from roadbike.payment.store import ATTEMPT, PAYMENT, PAYMENTS, REFUND
from roadbike.payment.store.tables import IS_OWED, IS_UNKNOWN, SERVED

NEWEST_FIRST: Final = Keyset((PAYMENT.c.opened_at, PAYMENT.c.reservation_id))
LAST_BEGUN_FIRST: Final = Keyset((REFUND.c.since, REFUND.c.reservation_id))
OF_PAYMENT: Final = ATTEMPT.c.reservation_id == PAYMENT.c.reservation_id


@dataclass(frozen=True, kw_only=True, slots=True)
class Filters:
    """What a list is narrowed to; None does not narrow it.

    day: on which the payment was opened, or the refund begun, in the shop's time zone.
    slow: the provider's answer or the refund is missing for longer than SLOW.
    """

    payment_status: PaymentStatus | None = None
    day: date | None = None
    user_id: str | None = None
    bike_id: int | None = None
    store_name: str | None = None
    slow: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedRefund:
    """A payment whose money has to go back, or has gone back. price: KRW.

    since: when that was first known. is_owed: the provider has not confirmed it yet.
    """

    reservation_id: UUID
    payment_id: UUID
    bike_id: int
    user_id: str
    price: int
    store_name: str | None
    payment_status: PaymentStatus
    since: datetime
    owed: bool


def payments(filters: Filters, now: datetime) -> Listed[PaymentSummary]:
    """Return the payments that the filters find, the newest first."""
    table = PAYMENT.c
    found = _narrowed(select(PAYMENT).where(SERVED), filters)
    if filters.day is not None:
        begins, ends = day_bounds(filters.day)
        found = found.where(table.opened_at >= begins, table.opened_at < ends)
    if filters.slow:
        asked = select(ATTEMPT.c.reservation_id).where(IS_UNKNOWN, ATTEMPT.c.asked_at < now - SLOW)
        found = found.where(table.reservation_id.in_(union(asked, _owed(now))))
    return Listed(found, NEWEST_FIRST, PAYMENTS.state)


def refunds(filters: Filters, now: datetime) -> Listed[ListedRefund]:
    """Return the refunds that the filters find, the last begun first."""
    owed: ColumnElement[bool] = exists().where(IS_OWED, OF_PAYMENT).correlate(PAYMENT)
    joined = REFUND.join(PAYMENT, REFUND.c.reservation_id == PAYMENT.c.reservation_id)
    columns = [PAYMENT.c[name] for name in REFUND_FIELDS]
    begun = select(*columns, REFUND.c.since, owed.label("owed")).select_from(joined)
    found: Select[Any] = _narrowed(begun.where(SERVED), filters)
    if filters.day is not None:
        begins, ends = day_bounds(filters.day)
        found = found.where(REFUND.c.since >= begins, REFUND.c.since < ends)
    if filters.slow:
        found = found.where(REFUND.c.reservation_id.in_(_owed(now)))
    return Listed(found, LAST_BEGUN_FIRST, _refund)


REFUND_FIELDS: Final = (
    *(
        "reservation_id",
        "payment_id",
        "bike_id",
        "user_id",
        "price",
        "store_name",
        "payment_status",
    ),
)


def _narrowed(found: Select[Any], filters: Filters) -> Select[Any]:
    if filters.payment_status is not None:
        found = found.where(PAYMENT.c.payment_status == filters.payment_status)
    if filters.user_id is not None:
        found = found.where(PAYMENT.c.user_id == filters.user_id)
    if filters.bike_id is not None:
        found = found.where(PAYMENT.c.bike_id == filters.bike_id)
    if filters.store_name is not None:
        found = found.where(PAYMENT.c.store_name == filters.store_name)
    return found


def _owed(now: datetime) -> Select[Any]:
    """Return the reservations whose refund is owed for longer than SLOW."""
    begun = REFUND.join(ATTEMPT, ATTEMPT.c.reservation_id == REFUND.c.reservation_id)
    old = select(REFUND.c.reservation_id).select_from(begun)
    return old.where(IS_OWED, REFUND.c.since < now - SLOW)


def _refund(row: Row) -> ListedRefund:
    return ListedRefund(**{name: row[name] for name in ListedRefund.__dataclass_fields__})
