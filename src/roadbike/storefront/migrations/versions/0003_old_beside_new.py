"""Old replicas see what newer code has changed: the schema, the types that it consumes."""

from roadbike.kit import schema

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    schema.create_v3()


def downgrade() -> None:
    schema.drop_v3()
