"""When staff last changed a bike."""

from alembic import op
from sqlalchemy import Column

from roadbike.kit.db.columns import UtcTime

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("bike", Column("changed_at", UtcTime))


def downgrade() -> None:
    op.drop_column("bike", "changed_at")
