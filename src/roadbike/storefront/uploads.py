"""Files that staff have uploaded, kept between the check of their rows and the import."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import delete, insert, select

from roadbike.kit.db import Database, Tx
from roadbike.kit.db.bulk import delete_some
from roadbike.kit.messaging.retention import delete_all
from roadbike.storefront.store import UPLOAD

KEPT: Final = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredFile:
    """A file of a member of staff. name: as it was called on their computer."""

    upload_id: UUID
    name: str
    content: bytes


async def keep(tx: Tx, *, user_id: str, name: str, content: bytes) -> UUID:
    """Keep a file and return its id, which nobody can guess."""
    upload_id = uuid4()
    row = {"upload_id": upload_id, "user_id": user_id, "name": name, "content": content}
    await tx.execute(insert(UPLOAD).values(row | {"created_at": await tx.now()}))
    return upload_id


async def find(tx: Tx, upload_id: UUID, user_id: str) -> StoredFile | None:
    """Return the file of this user; None when it is another's, or gone."""
    is_it = (UPLOAD.c.upload_id == upload_id) & (UPLOAD.c.user_id == user_id)
    row = await tx.row(select(UPLOAD).where(is_it))
    if row is None:
        return None
    return StoredFile(upload_id=row["upload_id"], name=row["name"], content=row["content"])


async def drop(tx: Tx, upload_id: UUID) -> None:
    """Delete the file."""
    await tx.execute(delete(UPLOAD).where(UPLOAD.c.upload_id == upload_id))


async def delete_old_uploads(db: Database) -> None:
    """Delete the files that are older than KEPT."""
    await delete_all(db, _delete_some_old)


async def _delete_some_old(tx: Tx) -> bool:
    return await delete_some(tx, UPLOAD, UPLOAD.c.created_at < await tx.now() - KEPT)
