"""Create reservations, the copy of the catalogue, idempotency keys, and the tables of kit."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    Sequence,
    String,
    Uuid,
    text,
)
from sqlalchemy.schema import CreateSequence, DropSequence

from roadbike.kit import schema
from roadbike.kit.db.columns import UtcTime

revision = "0001"
down_revision = None

OPEN = text("reservation_status <> '예약취소' AND NOT shipped")


def upgrade() -> None:
    schema.create_v1()
    _create_reservation()
    op.create_table(
        "bike",
        Column("bike_id", Integer, primary_key=True, autoincrement=False),
        Column("bike_name", String(200), nullable=False),
        Column("price", BigInteger, nullable=False),
        Column("brand", String(200)),
        Column("frame_size", String(200)),
        Column("colour", String(200)),
        Column("on_sale", Boolean, nullable=False),
        Column("bike_version", Integer, nullable=False),
        Column("free", BigInteger, nullable=False),
        Column("free_seq", BigInteger, nullable=False),
        Column("unanswered", Integer, nullable=False),
        Column("as_of", UtcTime),
        Column("row_version", Integer, nullable=False),
    )
    op.create_table(
        "idempotency_key",
        Column("user_id", String(64), primary_key=True),
        Column("route", String(40), primary_key=True),
        Column("key", String(255), primary_key=True),
        Column("fingerprint", String(64), nullable=False),
        Column("result_id", Uuid, nullable=False, index=True),
        Column("response", LargeBinary),
        Column("created_at", UtcTime, nullable=False, index=True),
    )
    if op.get_bind().dialect.supports_sequences:
        op.execute(CreateSequence(Sequence("reserve_seq")))


def downgrade() -> None:
    if op.get_bind().dialect.supports_sequences:
        op.execute(DropSequence(Sequence("reserve_seq")))
    for name in ("idempotency_key", "bike", "reservation"):
        op.drop_table(name)
    schema.drop_v1()


def _create_reservation() -> None:
    op.create_table(
        "reservation",
        Column("reservation_id", Uuid, primary_key=True),
        Column("bike_id", Integer, nullable=False),
        Column("bike_name", String(200), nullable=False),
        Column("user_id", String(64), nullable=False),
        Column("user_name", String(200)),
        Column("store_name", String(200), nullable=False),
        Column("reserved_at", UtcTime, nullable=False),
        Column("reservation_status", String(30), nullable=False),
        Column("price", BigInteger, nullable=False),
        Column("zip_code", String(20)),
        Column("address", String(200)),
        Column("bike_version", Integer, nullable=False),
        Column("registered", Boolean, nullable=False),
        Column("reserve_seq", BigInteger),
        Column("reason", String(30)),
        Column("cancelled_by", String(64)),
        Column("answered", Boolean, nullable=False),
        Column("shipped", Boolean, nullable=False),
        Column("delivered", Boolean, nullable=False),
        Column("row_version", Integer, nullable=False),
        Index("reservation_of_user", "user_id", "reserved_at"),
        Index("reservation_pending", "reservation_status", "reserved_at"),
        Index("reservation_served", "registered", "reserved_at"),
        Index("reservation_in_order", "reserve_seq", unique=True),
        Index("reservation_open", "user_id", postgresql_where=OPEN, sqlite_where=OPEN),
    )
