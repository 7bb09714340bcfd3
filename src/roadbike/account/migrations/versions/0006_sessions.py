"""Add the sessions of browsers."""

from alembic import op
from sqlalchemy import Column, Index, String

from roadbike.kit.db.columns import UtcTime

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "session",
        Column("id_hash", String(64), primary_key=True),
        Column("user_id", String(64), nullable=False),
        Column("created_at", UtcTime, nullable=False),
        Column("used_at", UtcTime, nullable=False),
        Index("session_user", "user_id"),
        Index("session_used", "used_at"),
    )


def downgrade() -> None:
    op.drop_table("session")
