"""Staff's lists of payments and refunds: an index by store."""

from alembic import op

from roadbike.kit import schema

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    schema.add_index("payment_of_store", "payment", ["store_name", "opened_at"])


def downgrade() -> None:
    op.drop_index("payment_of_store", "payment")
