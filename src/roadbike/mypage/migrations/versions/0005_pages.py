"""What the page of a purchase shows beside its statuses: address, deadline, parcel."""

from typing import Any, Final

from alembic import op
from sqlalchemy import Column, String

from roadbike.kit.db.columns import UtcTime

revision = "0005"
down_revision = "0004"

ADDED: Final[dict[str, Any]] = {
    "phone": String(30),
    "zip_code": String(20),
    "address": String(200),
    "pay_until": UtcTime,
    "carrier": String(200),
    "tracking_number": String(200),
}


def upgrade() -> None:
    for name, type_ in ADDED.items():
        op.add_column("purchase", Column(name, type_))


def downgrade() -> None:
    for name in reversed(ADDED):
        op.drop_column("purchase", name)
