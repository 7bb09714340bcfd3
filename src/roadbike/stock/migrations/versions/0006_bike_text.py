"""What lists of bikes are searched and sorted by."""

from alembic import op
from sqlalchemy import Column, Index, Integer, LargeBinary, Text

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "bike_text",
        Column("bike_id", Integer, primary_key=True, autoincrement=False),
        Column("source", Text, nullable=False),
        Column("search_text", Text, nullable=False),
        Column("name_key", LargeBinary, nullable=False),
        Column("brand_key", LargeBinary),
        Index("bike_text_name", "name_key", "bike_id", mariadb_length={"name_key": 255}),
    )


def downgrade() -> None:
    op.drop_table("bike_text")
