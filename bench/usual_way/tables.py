"""The tables of the usual way, as its ORM describes them.

`python tables.py` makes them in the database of DATABASE_URL.
"""

import asyncio
import os
from datetime import datetime
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Payment(Base):
    __tablename__ = "usual_payment"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    reservation_id: Mapped[UUID] = mapped_column(unique=True)
    user_id: Mapped[str]
    price: Mapped[int] = mapped_column(sa.BigInteger)
    status: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(
        sa.DateTime(timezone=True), server_default=sa.func.now()
    )


class Reservation(Base):
    __tablename__ = "usual_reservation"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    payment_id: Mapped[UUID]
    user_id: Mapped[str]
    bike_id: Mapped[int]
    price: Mapped[int] = mapped_column(sa.BigInteger)
    status: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(
        sa.DateTime(timezone=True), server_default=sa.func.now()
    )


class Outbox(Base):
    __tablename__ = "usual_outbox"

    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=True)
    key: Mapped[UUID]
    type: Mapped[str]
    payload: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(
        sa.DateTime(timezone=True), server_default=sa.func.now()
    )


async def make() -> None:
    engine = create_async_engine(os.environ["DATABASE_URL"])
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(make())
