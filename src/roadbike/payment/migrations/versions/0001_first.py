"""Payments, attempts, the ledger of money, and the tables of kit."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Uuid, text

from roadbike.kit import schema
from roadbike.kit.db.columns import UtcTime

revision = "0001"
down_revision = None

LOOKED_AT = text("look_at IS NOT NULL")


def upgrade() -> None:
    schema.create_v1()
    _create_payment()
    _create_attempt()
    op.create_table(
        "money",
        Column("attempt_id", Uuid, primary_key=True),
        Column("kind", String(10), primary_key=True),
        Column("reservation_id", Uuid, nullable=False, index=True),
        Column("amount", BigInteger, nullable=False),
        Column("provider_id", String(100), nullable=False, unique=True),
        Column("moved_at", UtcTime, nullable=False),
    )
    op.create_table(
        "expiry_watch",
        Column("name", String(10), primary_key=True),
        Column("seen_at", UtcTime, nullable=False),
        Column("quiet_until", UtcTime, nullable=False),
    )


def downgrade() -> None:
    for name in ("expiry_watch", "money", "attempt", "payment"):
        op.drop_table(name)
    schema.drop_v1()


def _create_payment() -> None:
    op.create_table(
        "payment",
        Column("reservation_id", Uuid, primary_key=True),
        Column("payment_id", Uuid, unique=True),
        Column("bike_id", Integer),
        Column("user_id", String(64)),
        Column("price", BigInteger),
        Column("payment_status", String(30)),
        Column("cancel_asked", Boolean, nullable=False),
        Column("expired", Boolean, nullable=False),
        Column("registered", Boolean, nullable=False),
        Column("reason", String(30)),
        Column("captured_by", Uuid),
        Column("opened_at", UtcTime),
        Column("attempted", Boolean, nullable=False),
        Column("looks", Integer, nullable=False),
        Column("look_at", UtcTime),
        Column("row_version", Integer, nullable=False),
        Index("payment_of_user", "user_id", "payment_id"),
        Index("payment_by_status", "payment_status", "opened_at"),
        Index("payment_to_look_at", "look_at", postgresql_where=LOOKED_AT, sqlite_where=LOOKED_AT),
    )


def _create_attempt() -> None:
    op.create_table(
        "attempt",
        Column("attempt_id", Uuid, primary_key=True),
        Column("reservation_id", Uuid, nullable=False, index=True),
        Column("user_id", String(64), nullable=False),
        Column("amount", BigInteger, nullable=False),
        Column("token", String(255), nullable=False),
        Column("outcome", String(30), nullable=False),
        Column("refund", String(30), nullable=False),
        Column("asked_at", UtcTime, nullable=False),
        Column("unanswered", Integer, nullable=False),
        Column("check_at", UtcTime),
        Column("row_version", Integer, nullable=False),
        Index("attempt_to_check", "check_at"),
        Index("attempt_to_refund", "refund"),
        Index("attempt_of_user", "user_id", "asked_at"),
    )
