"""When a bike was withdrawn, and when a purchase was reserved."""

from alembic import op
from sqlalchemy import Column

from roadbike.kit.db.columns import UtcTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("bike", Column("withdrawn_at", UtcTime))
    op.add_column("allocation", Column("reserved_at", UtcTime))


def downgrade() -> None:
    op.drop_column("allocation", "reserved_at")
    op.drop_column("bike", "withdrawn_at")
