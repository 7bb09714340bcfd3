"""Create the deliveries and the tables of kit."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Uuid

from roadbike.kit import schema
from roadbike.kit.db.columns import UtcTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    schema.create_v1()
    op.create_table(
        "delivery",
        Column("reservation_id", Uuid, primary_key=True),
        Column("delivery_id", Uuid, nullable=False, unique=True),
        Column("bike_id", Integer, nullable=False),
        Column("registered", Boolean, nullable=False),
        Column("allocated_bike_id", Integer),
        Column("reservation_cancelled", Boolean, nullable=False),
        Column("payment_cancelled", Boolean, nullable=False),
        Column("closed", Boolean, nullable=False),
        Column("delivery_status", String(30)),
        Column("payment_id", Uuid),
        Column("paid_bike_id", Integer),
        Column("paid_by", String(64)),
        Column("paid_price", BigInteger),
        Column("price", BigInteger),
        Column("user_id", String(64)),
        Column("user_name", String(200)),
        Column("zip_code", String(20)),
        Column("address", String(200)),
        Column("delivered_at", UtcTime),
        Column("carrier", String(200)),
        Column("tracking_number", String(200)),
        Column("changed_by", String(64)),
        Column("row_version", Integer, nullable=False),
        Index("delivery_of_user", "user_id", "delivery_id"),
    )


def downgrade() -> None:
    op.drop_table("delivery")
    schema.drop_v1()
