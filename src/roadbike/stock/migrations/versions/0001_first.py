"""Create the bikes, the allocations, the ledger and the tables of kit."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    Uuid,
)

from roadbike.kit import schema
from roadbike.kit.db.columns import BigId, UtcTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    schema.create_v1()
    _create_bike()
    _create_allocation()
    _create_ledger()


def downgrade() -> None:
    for table in ("ledger", "allocation", "bike"):
        op.drop_table(table)
    schema.drop_v1()


def _create_bike() -> None:
    op.create_table(
        "bike",
        Column("bike_id", Integer, primary_key=True, autoincrement=False),
        Column("bike_name", String(200), nullable=False),
        Column("price", BigInteger, nullable=False),
        Column("stock_quantity", Integer, nullable=False),
        Column("held_quantity", Integer, nullable=False),
        Column("brand", String(100)),
        Column("frame_size", String(20)),
        Column("colour", String(50)),
        Column("description", Text),
        Column("withdrawn", Boolean, nullable=False),
        Column("version", Integer, nullable=False),
        Column("free_seq", BigInteger, nullable=False),
        Column("changed_by", String(64)),
        Column("row_version", BigInteger, nullable=False),
        CheckConstraint("0 <= held_quantity AND held_quantity <= stock_quantity", name="bike_held"),
    )


def _create_allocation() -> None:
    op.create_table(
        "allocation",
        Column("reservation_id", Uuid, primary_key=True),
        Column("bike_id", Integer, nullable=False),
        Column("registered", Boolean, nullable=False),
        Column("reserve_seq", BigInteger),
        Column("cancelled", Boolean, nullable=False),
        Column("closed", Boolean, nullable=False),
        Column("started", Boolean, nullable=False),
        Column("returned", Boolean, nullable=False),
        Column("state", String(30), nullable=False),
        Column("row_version", BigInteger, nullable=False),
    )


def _create_ledger() -> None:
    op.create_table(
        "ledger",
        Column("id", BigId, primary_key=True, autoincrement=True),
        Column("bike_id", Integer, nullable=False),
        Column("delta", Integer, nullable=False),
        Column("why", String(30), nullable=False),
        Column("reservation_id", Uuid),
        Column("recorded_at", UtcTime, nullable=False),
        Column("recorded_by", String(64)),
        UniqueConstraint("reservation_id", "why", name="ledger_once"),
        Index("ledger_bike", "bike_id"),
    )
