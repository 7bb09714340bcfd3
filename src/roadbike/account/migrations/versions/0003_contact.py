"""How a buyer is reached, and where parcels go."""

from typing import Final

from alembic import op
from sqlalchemy import Column, String

revision = "0003"
down_revision = "0002"

LENGTHS: Final = {"phone": 30, "email": 254, "zip_code": 20, "address": 200}


def upgrade() -> None:
    for name, length in LENGTHS.items():
        op.add_column("account", Column(name, String(length)))


def downgrade() -> None:
    for name in reversed(LENGTHS):
        op.drop_column("account", name)
