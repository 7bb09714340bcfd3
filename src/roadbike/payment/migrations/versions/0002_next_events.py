"""The next events, unknown attempts and owed refunds have an index of their own."""

from alembic import op

from roadbike.kit import schema

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    schema.create_v2()
    schema.add_partial_index("attempt_owed", "attempt", ["attempt_id"], "refund = 'owed'")
    schema.add_partial_index("attempt_unknown", "attempt", ["attempt_id"], "outcome = 'unknown'")


def downgrade() -> None:
    op.drop_index("attempt_unknown", "attempt")
    op.drop_index("attempt_owed", "attempt")
    schema.drop_v2()
