"""The relay finds the next events by an index of their own."""

from roadbike.kit import schema

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    schema.create_v2()


def downgrade() -> None:
    schema.drop_v2()
