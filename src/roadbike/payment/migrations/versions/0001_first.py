"""The payments, and what kit keeps."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Uuid

from roadbike.kit import schema

revision = "0001"
down_revision = None


def upgrade() -> None:
    schema.create_v1()
    op.create_table(
        "payment",
        Column("reservation_id", Uuid, primary_key=True),
        Column("payment_id", Uuid, unique=True),
        Column("bike_id", Integer),
        Column("user_id", String(64)),
        Column("price", BigInteger),
        Column("payment_status", String(30)),
        Column("cancel_asked", Boolean, nullable=False),
        Column("registered", Boolean, nullable=False),
        Column("reason", String(30)),
        Column("row_version", Integer, nullable=False),
        Index("payment_of_user", "user_id", "payment_id"),
    )


def downgrade() -> None:
    op.drop_table("payment")
    schema.drop_v1()
