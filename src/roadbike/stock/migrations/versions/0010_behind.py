"""Whether stock is behind, and the claims that wait until it has caught up."""

from alembic import op
from sqlalchemy import Column, Integer, Text

from roadbike.kit import schema

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    waits = "registered AND state = 'unseen'"
    schema.add_partial_index("allocation_unanswered", "allocation", ["reserve_seq"], waits)
    behind = op.create_table(
        "behind",
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("ends", Text),
    )
    op.bulk_insert(behind, [{"id": 1, "ends": None}])


def downgrade() -> None:
    op.drop_index("allocation_unanswered", "allocation")
    op.drop_table("behind")
