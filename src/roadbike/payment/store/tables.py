"""The tables of payment, and which of their rows are loaded, listed and looked for."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Uuid,
    text,
)

from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import PaymentStatus
from roadbike.contracts.types import NAME_LENGTH, USER_ID_LENGTH
from roadbike.kit.db.columns import Status, UtcTime, utc_now
from roadbike.kit.db.rows import Rows
from roadbike.payment.domain import Attempt, Outcome, PaymentSummary, Refund

metadata: Final = MetaData()

LOOKED_AT: Final = text("look_at IS NOT NULL")
IS_OWED: Final = text(f"refund = '{Refund.OWED}'")
IS_UNKNOWN: Final = text(f"outcome = '{Outcome.UNKNOWN}'")

PAYMENT: Final = Table(
    "payment",
    metadata,
    Column("reservation_id", Uuid, primary_key=True),
    Column("payment_id", Uuid, unique=True),
    Column("bike_id", Integer),
    Column("user_id", String(USER_ID_LENGTH)),
    Column("price", BigInteger),
    Column("store_name", String(NAME_LENGTH)),
    Column("payment_status", Status(PaymentStatus)),
    Column("cancel_asked", Boolean, nullable=False),
    Column("expired", Boolean, nullable=False),
    Column("registered", Boolean, nullable=False),
    Column("reason", Status(Reason)),
    Column("captured_by", Uuid),
    Column("opened_at", UtcTime),
    Column("attempted", Boolean, nullable=False),
    Column("looks", Integer, nullable=False),
    Column("look_at", UtcTime),
    Column("row_version", Integer, nullable=False),
    Index("payment_of_user", "user_id", "payment_id"),
    Index("payment_by_status", "payment_status", "opened_at"),
    Index("payment_of_bike", "bike_id", "opened_at"),
    Index("payment_of_store", "store_name", "opened_at"),
    Index("payment_in_order", "opened_at", "reservation_id"),
    Index("payment_to_look_at", "look_at", postgresql_where=LOOKED_AT, sqlite_where=LOOKED_AT),
)

ATTEMPT: Final = Table(
    "attempt",
    metadata,
    Column("attempt_id", Uuid, primary_key=True),
    Column("reservation_id", Uuid, nullable=False, index=True),
    Column("user_id", String(USER_ID_LENGTH), nullable=False),
    Column("amount", BigInteger, nullable=False),  # KRW
    Column("token", String(255), nullable=False),
    Column("outcome", Status(Outcome), nullable=False),
    Column("refund", Status(Refund), nullable=False),
    Column("asked_at", UtcTime, nullable=False),
    Column("unanswered", Integer, nullable=False),
    Column("check_at", UtcTime),
    Column("row_version", Integer, nullable=False),
    Index("attempt_to_check", "check_at"),
    Index("attempt_to_refund", "refund"),
    Index("attempt_owed", "attempt_id", postgresql_where=IS_OWED, sqlite_where=IS_OWED),
    Index("attempt_unknown", "attempt_id", postgresql_where=IS_UNKNOWN, sqlite_where=IS_UNKNOWN),
    Index("attempt_of_user", "user_id", "asked_at"),
)

MONEY: Final = Table(
    "money",
    metadata,
    Column("attempt_id", Uuid, primary_key=True),
    Column("kind", String(10), primary_key=True),  # capture or refund: at most one of each
    Column("reservation_id", Uuid, nullable=False, index=True),
    Column("amount", BigInteger, nullable=False),  # KRW
    Column("provider_id", String(100), nullable=False, unique=True),
    Column("moved_at", UtcTime, nullable=False),
)

REFUND: Final = Table(  # when it was first known that money of a payment has to go back
    "refund",
    metadata,
    Column("reservation_id", Uuid, primary_key=True),
    Column("since", UtcTime, nullable=False, default=utc_now()),
    Index("refund_in_order", "since", "reservation_id"),
)

WATCH: Final = Table(
    "expiry_watch",
    metadata,
    Column("name", String(10), primary_key=True),
    Column("seen_at", UtcTime, nullable=False, default=utc_now()),
    Column("quiet_until", UtcTime, nullable=False, default=utc_now()),
)

PAYMENTS: Final = Rows(PAYMENT, PaymentSummary)
ATTEMPTS: Final = Rows(ATTEMPT, Attempt)

SERVED: Final = PAYMENT.c.payment_id.is_not(None) & PAYMENT.c.registered
SORTABLE: Final = {"price": PAYMENT.c.price}
