"""Staff's list of deliveries: its filters, and when a parcel had to be prepared."""

from alembic import op
from sqlalchemy import Column

from roadbike.kit import schema
from roadbike.kit.db.columns import UtcTime

revision = "0006"
down_revision = "0005"

INDEXES = {
    "delivery_by_status": ["delivery_status", "delivery_id"],
    "delivery_of_bike": ["bike_id", "delivery_id"],
    "delivery_by_day": ["delivered_at", "delivery_id"],
}


def upgrade() -> None:
    for name, columns in INDEXES.items():
        schema.add_index(name, "delivery", columns)
    op.add_column("delivery", Column("prepared_at", UtcTime))


def downgrade() -> None:
    op.drop_column("delivery", "prepared_at")
    for name in INDEXES:
        op.drop_index(name, "delivery")
