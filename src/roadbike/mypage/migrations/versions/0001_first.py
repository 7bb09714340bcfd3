"""Create the purchases, their events and the tables of kit."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Uuid

from roadbike.kit import schema
from roadbike.kit.db.columns import UtcTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    schema.create_v1()
    _create_purchase()
    op.create_table(
        "stored_event",
        Column("reservation_id", Uuid, primary_key=True),
        Column("kind", String(20), primary_key=True),
        Column("version", Integer, primary_key=True),
        Column("event_id", Uuid, nullable=False),
        Column("type", String(100), nullable=False),
        Column("time", UtcTime, nullable=False),
        Column("data", LargeBinary, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("stored_event")
    op.drop_table("purchase")
    schema.drop_v1()


def _create_purchase() -> None:
    op.create_table(
        "purchase",
        Column("reservation_id", Uuid, primary_key=True),
        Column("bike_id", Integer, nullable=False),
        Column("registered", Boolean, nullable=False),
        Column("bike_name", String(200)),
        Column("user_id", String(64)),
        Column("user_name", String(200)),
        Column("store_name", String(200)),
        Column("reserved_at", UtcTime),
        Column("reservation_status", String(30)),
        Column("price", BigInteger),
        Column("payment_id", Uuid),
        Column("payment_status", String(30)),
        Column("delivery_id", Uuid),
        Column("delivery_status", String(30)),
        Column("delivered_at", UtcTime),
        Column("stock_status", String(30), nullable=False),
        Column("reservation_version", Integer, nullable=False),
        Column("allocation_version", Integer, nullable=False),
        Column("payment_version", Integer, nullable=False),
        Column("delivery_version", Integer, nullable=False),
        Column("row_version", Integer, nullable=False),
        Index("purchase_of_user", "user_id", "reserved_at", "reservation_id"),
        Index("purchase_shown", "registered", "reserved_at", "reservation_id"),
    )
