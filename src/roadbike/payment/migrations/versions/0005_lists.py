"""Staff's lists of payments and refunds: their order, and since when money has to go back."""

from alembic import op
from sqlalchemy import Column, Index, Uuid, text

from roadbike.kit import schema
from roadbike.kit.db.columns import UtcTime

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    schema.add_index("payment_of_bike", "payment", ["bike_id", "opened_at"])
    schema.add_index("payment_in_order", "payment", ["opened_at", "reservation_id"])
    op.create_table(
        "refund",
        Column("reservation_id", Uuid, primary_key=True),
        Column("since", UtcTime, nullable=False),
        Index("refund_in_order", "since", "reservation_id"),
    )
    op.execute(
        text(
            "INSERT INTO refund (reservation_id, since) SELECT reservation_id, max(asked_at)"
            " FROM attempt WHERE refund <> 'none' GROUP BY reservation_id"
        )
    )


def downgrade() -> None:
    op.drop_table("refund")
    op.drop_index("payment_in_order", "payment")
    op.drop_index("payment_of_bike", "payment")
