"""Staff's list of deliveries: the store where the bike was reserved."""

from alembic import op
from sqlalchemy import Column, String

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("delivery", Column("store_name", String(200)))


def downgrade() -> None:
    op.drop_column("delivery", "store_name")
