"""Sessions of browsers: a random id in a cookie, of which only the hash is stored.

The home page shows the id and gets a short-lived access token for it. A session ends at log-out,
when the password or the role is changed elsewhere, IDLE after it was last used, and LIFE after the
log-in.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy import ColumnElement, delete, insert, select, update

from roadbike.account.domain import SessionEnded
from roadbike.account.store import SESSION
from roadbike.kit.db import Tx
from roadbike.kit.db.bulk import delete_some

ID_BYTES: Final = 32
IDLE: Final = timedelta(minutes=30)
LIFE: Final = timedelta(hours=12)
TOUCHED: Final = timedelta(minutes=1)  # the time of the last use is written this often


@dataclass(frozen=True, slots=True)
class Session:
    """An open session: whose it is, when it began and when it was last used."""

    user_id: str
    created_at: datetime
    used_at: datetime

    def is_open(self, now: datetime) -> bool:
        """Return whether it still counts; a time of use after `now` is one of a wrong clock."""
        return now - self.used_at < IDLE and now - self.created_at < LIFE


async def begin(tx: Tx, user_id: str) -> str:
    """Open a session and return its id, which is shown once and never stored."""
    session_id = secrets.token_urlsafe(ID_BYTES)
    now = await tx.now()
    row = {"id_hash": _hash(session_id), "user_id": user_id, "created_at": now, "used_at": now}
    await tx.execute(insert(SESSION).values(row))
    return session_id


async def use(tx: Tx, session_id: str) -> Session:
    """Return the session and note that it was used. Raises SessionEnded."""
    row = await tx.row(select(SESSION).where(_is(session_id)))
    now = await tx.now()
    session = None if row is None else Session(row["user_id"], row["created_at"], row["used_at"])
    if session is None or not session.is_open(now):
        raise SessionEnded
    if abs(now - session.used_at) > TOUCHED:
        await tx.execute(update(SESSION).where(_is(session_id)).values(used_at=now))
    return session


async def end(tx: Tx, session_id: str) -> None:
    """End one session; one that does not exist has ended already."""
    await tx.execute(delete(SESSION).where(_is(session_id)))


async def end_others(tx: Tx, user_id: str, session_id: str) -> None:
    """End all sessions of the user except this one."""
    await tx.execute(delete(SESSION).where((SESSION.c.user_id == user_id) & ~_is(session_id)))


async def end_all(tx: Tx, user_id: str) -> None:
    """End all sessions of the user."""
    await tx.execute(delete(SESSION).where(SESSION.c.user_id == user_id))


async def delete_ended(tx: Tx) -> bool:
    """Delete some sessions that have ended by themselves; return whether more may be left.

    Also one whose LIFE is over was last used more than IDLE ago, soon after: it is not used again.
    """
    return await delete_some(tx, SESSION, SESSION.c.used_at < await tx.now() - IDLE)


def _is(session_id: str) -> ColumnElement[bool]:
    return SESSION.c.id_hash == _hash(session_id)


def _hash(session_id: str) -> str:
    """Return what is stored: a copy of the database opens no session."""
    return sha256(session_id.encode()).hexdigest()
