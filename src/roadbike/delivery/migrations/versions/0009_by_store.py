"""Staff's list of deliveries: an index by store."""

from alembic import op

from roadbike.kit import schema

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    schema.add_index("delivery_of_store", "delivery", ["store_name", "delivery_id"])


def downgrade() -> None:
    op.drop_index("delivery_of_store", "delivery")
