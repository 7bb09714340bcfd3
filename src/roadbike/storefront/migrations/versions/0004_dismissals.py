"""When a message was parked, and by whom and why a dead letter was dismissed."""

from roadbike.kit import schema

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    schema.create_v4()


def downgrade() -> None:
    schema.drop_v4()
