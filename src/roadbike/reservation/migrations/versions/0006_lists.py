"""Staff's list of reservations: by bike, by store, and those that stock has not answered."""

from alembic import op

from roadbike.kit import schema

revision = "0006"
down_revision = "0005"

UNANSWERED = "registered AND NOT answered AND reservation_status = '예약완료'"


def upgrade() -> None:
    schema.add_index("reservation_of_bike", "reservation", ["bike_id", "reserved_at"])
    schema.add_index("reservation_of_store", "reservation", ["store_name", "reserved_at"])
    schema.add_index("reservation_slow", "reservation", ["reserved_at"], UNANSWERED)


def downgrade() -> None:
    for name in ("reservation_slow", "reservation_of_store", "reservation_of_bike"):
        op.drop_index(name, "reservation")
