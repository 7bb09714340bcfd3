"""Files that staff upload, until they are imported."""

from alembic import op
from sqlalchemy import Column, Index, LargeBinary, String, Uuid

from roadbike.kit.db.columns import UtcTime

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "upload",
        Column("upload_id", Uuid, primary_key=True),
        Column("user_id", String(64), nullable=False),
        Column("name", String(100), nullable=False),
        Column("content", LargeBinary, nullable=False),
        Column("created_at", UtcTime, nullable=False),
        Index("upload_age", "created_at"),
    )


def downgrade() -> None:
    op.drop_table("upload")
