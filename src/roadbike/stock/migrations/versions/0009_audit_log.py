"""The audit log: what staff changed."""

from roadbike.kit import schema

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    schema.create_v5()


def downgrade() -> None:
    schema.drop_v5()
