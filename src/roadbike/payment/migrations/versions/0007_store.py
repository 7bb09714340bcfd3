"""Staff's lists of payments and refunds: the store where the bike was reserved."""

from alembic import op
from sqlalchemy import Column, String

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("payment", Column("store_name", String(200)))


def downgrade() -> None:
    op.drop_column("payment", "store_name")
