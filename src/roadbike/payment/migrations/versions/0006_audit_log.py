"""The audit log: what staff changed."""

from roadbike.kit import schema

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    schema.create_v5()


def downgrade() -> None:
    schema.drop_v5()
