"""The phone number of who the parcel goes to."""

from alembic import op
from sqlalchemy import Column, String

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("delivery", Column("phone", String(30)))


def downgrade() -> None:
    op.drop_column("delivery", "phone")
