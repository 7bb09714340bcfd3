"""Create the accounts, the failed log-ins and the tables of kit."""

from alembic import op
from sqlalchemy import Column, Index, String

from roadbike.kit import schema
from roadbike.kit.db.columns import BigId, UtcTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    schema.create_v1()
    op.create_table(
        "account",
        Column("user_id", String(64), primary_key=True),
        Column("user_name", String(200), nullable=False),
        Column("password_hash", String(200), nullable=False),
        Column("roles", String(100), nullable=False),
        Column("created_at", UtcTime, nullable=False),
    )
    op.create_table(
        "login_failure",
        Column("id", BigId, primary_key=True, autoincrement=True),
        Column("user_id", String(64), nullable=False),
        Column("client", String(64), nullable=False),
        Column("device", String(22)),
        Column("failed_at", UtcTime, nullable=False),
        Index("login_failure_user", "user_id", "failed_at"),
        Index("login_failure_client", "client", "failed_at"),
        Index("login_failure_device", "device", "failed_at"),
        Index("login_failure_time", "failed_at"),
    )


def downgrade() -> None:
    op.drop_table("login_failure")
    op.drop_table("account")
    schema.drop_v1()
