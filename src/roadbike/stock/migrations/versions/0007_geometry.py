"""Geometry, kind and paint of the frame."""

from alembic import op
from sqlalchemy import Column, Text

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("bike", Column("geometry", Text))


def downgrade() -> None:
    op.drop_column("bike", "geometry")
