"""The audit log; passwords that their users have to replace; staff by an index of their own."""

from alembic import op
from sqlalchemy import Column

from roadbike.kit import schema
from roadbike.kit.db.columns import UtcTime

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    schema.create_v5()
    op.add_column("account", Column("one_time_until", UtcTime))
    schema.add_partial_index("account_staff", "account", ["user_id"], "roles <> 'buyer'")


def downgrade() -> None:
    op.drop_index("account_staff", "account")
    op.drop_column("account", "one_time_until")
    schema.drop_v5()
