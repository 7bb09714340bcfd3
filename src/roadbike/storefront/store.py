"""Drafts of reservations: what a buyer typed, kept while logging in and until it is reserved.

The id of a draft is also the idempotency key of its reservation: however often the form is sent,
it reserves once.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Uuid,
    insert,
    select,
    update,
)

from roadbike.contracts.types import ADDRESS_LENGTH, NAME_LENGTH, USER_ID_LENGTH, ZIP_CODE_LENGTH
from roadbike.kit.db import Database, Tx
from roadbike.kit.db.bulk import delete_some
from roadbike.kit.db.columns import UtcTime
from roadbike.kit.messaging.retention import delete_all

KEPT: Final = timedelta(hours=1)
FILE_NAME_LENGTH: Final = 100

metadata: Final = MetaData()

DRAFT: Final = Table(
    "draft",
    metadata,
    Column("draft_id", Uuid, primary_key=True),
    Column("user_id", String(USER_ID_LENGTH)),
    Column("bike_id", Integer, nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("name", String(NAME_LENGTH), nullable=False),
    Column("phone", String(NAME_LENGTH), nullable=False),
    Column("zip_code", String(ZIP_CODE_LENGTH), nullable=False),
    Column("address", String(ADDRESS_LENGTH), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index("draft_age", "created_at"),
)

UPLOAD: Final = Table(
    "upload",
    metadata,
    Column("upload_id", Uuid, primary_key=True),
    Column("user_id", String(USER_ID_LENGTH), nullable=False),
    Column("name", String(FILE_NAME_LENGTH), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index("upload_age", "created_at"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A reservation that is not sent yet. user_id: None until its buyer has logged in.

    price: KRW, as the buyer saw it.
    """

    draft_id: UUID
    bike_id: int
    price: int
    name: str
    phone: str
    zip_code: str
    address: str
    user_id: str | None = None


async def add(
    tx: Tx, *, bike_id: int, price: int, fields: dict[str, str], user_id: str | None
) -> UUID:
    """Keep a draft and return its id, which nobody can guess."""
    draft_id = uuid4()
    row = {"draft_id": draft_id, "bike_id": bike_id, "price": price, "user_id": user_id}
    await tx.execute(insert(DRAFT).values(row | fields | {"created_at": await tx.now()}))
    return draft_id


async def find(tx: Tx, draft_id: UUID, user_id: str) -> Draft | None:
    """Return the draft, which becomes this user's; None when it is another's, or gone."""
    is_it = DRAFT.c.draft_id == draft_id
    row = await tx.row(select(DRAFT).where(is_it))
    if row is None or row["user_id"] not in {None, user_id}:
        return None
    if row["user_id"] is None:
        await tx.execute(update(DRAFT).where(is_it).values(user_id=user_id))
    values = {name: row[name] for name in Draft.__dataclass_fields__}
    return Draft(**values | {"user_id": user_id})


async def delete_old(db: Database) -> None:
    """Delete the drafts that are older than KEPT."""
    await delete_all(db, _delete_some_old)


async def _delete_some_old(tx: Tx) -> bool:
    return await delete_some(tx, DRAFT, DRAFT.c.created_at < await tx.now() - KEPT)
