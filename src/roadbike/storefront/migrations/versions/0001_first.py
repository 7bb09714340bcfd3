"""Create the drafts of reservations and the tables of kit."""

from alembic import op
from sqlalchemy import BigInteger, Column, Index, Integer, String, Uuid

from roadbike.kit import schema
from roadbike.kit.db.columns import UtcTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    schema.create_v1()
    op.create_table(
        "draft",
        Column("draft_id", Uuid, primary_key=True),
        Column("user_id", String(64)),
        Column("bike_id", Integer, nullable=False),
        Column("price", BigInteger, nullable=False),
        Column("name", String(200), nullable=False),
        Column("phone", String(200), nullable=False),
        Column("zip_code", String(20), nullable=False),
        Column("address", String(200), nullable=False),
        Column("created_at", UtcTime, nullable=False),
        Index("draft_age", "created_at"),
    )


def downgrade() -> None:
    op.drop_table("draft")
    schema.drop_v1()
