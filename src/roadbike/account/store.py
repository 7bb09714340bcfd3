"""Persistence of accounts and failed log-ins."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Index,
    MetaData,
    String,
    Table,
    func,
    insert,
    select,
    text,
    update,
)

from roadbike.account.domain import Account, Guess, Limits
from roadbike.contracts.identity import Role
from roadbike.contracts.types import (
    ADDRESS_LENGTH,
    EMAIL_LENGTH,
    NAME_LENGTH,
    PHONE_LENGTH,
    USER_ID_LENGTH,
    ZIP_CODE_LENGTH,
)
from roadbike.kit.db import Tx
from roadbike.kit.db.bulk import delete_some, insert_new
from roadbike.kit.db.columns import BigId, UtcTime
from roadbike.kit.db.statements import Row
from roadbike.kit.db.times import is_past, is_recent

HASH_LENGTH: Final = 200  # of argon2's encoded form
ROLES_LENGTH: Final = 100  # of their names, separated by commas
CLIENT_LENGTH: Final = 64  # of an IP address or network
DEVICE_LENGTH: Final = 22  # of the id of a device
SESSION_HASH_LENGTH: Final = 64  # of SHA-256, in hexadecimal digits
CONTACT: Final = ("phone", "email", "zip_code", "address")

OF_STAFF: Final = text("roles <> 'buyer'")

metadata: Final = MetaData()

ACCOUNT: Final = Table(
    "account",
    metadata,
    Column("user_id", String(USER_ID_LENGTH), primary_key=True),
    Column("user_name", String(NAME_LENGTH), nullable=False),
    Column("password_hash", String(HASH_LENGTH), nullable=False),
    Column("roles", String(ROLES_LENGTH), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("phone", String(PHONE_LENGTH)),
    Column("email", String(EMAIL_LENGTH)),
    Column("zip_code", String(ZIP_CODE_LENGTH)),
    Column("address", String(ADDRESS_LENGTH)),
    Column("one_time_until", UtcTime),
    Index("account_staff", "user_id", postgresql_where=OF_STAFF, sqlite_where=OF_STAFF),
)

LOGIN_FAILURE: Final = Table(
    "login_failure",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("user_id", String(USER_ID_LENGTH), nullable=False),
    Column("client", String(CLIENT_LENGTH), nullable=False),
    Column("device", String(DEVICE_LENGTH)),
    Column("failed_at", UtcTime, nullable=False),
    Index("login_failure_user", "user_id", "failed_at"),
    Index("login_failure_client", "client", "failed_at"),
    Index("login_failure_device", "device", "failed_at"),
    Index("login_failure_time", "failed_at"),
)

SESSION: Final = Table(
    "session",
    metadata,
    Column("id_hash", String(SESSION_HASH_LENGTH), primary_key=True),
    Column("user_id", String(USER_ID_LENGTH), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("used_at", UtcTime, nullable=False),
    Index("session_user", "user_id"),
    Index("session_used", "used_at"),
)


async def add(tx: Tx, account: Account) -> bool:
    """Insert a new account; return False when its user id is taken."""
    return bool(await insert_new(tx, ACCOUNT, [_row(account)]))


async def find(tx: Tx, user_id: str) -> Account | None:
    """Return the account; None when there is no such user."""
    row = await tx.row(select(ACCOUNT).where(ACCOUNT.c.user_id == user_id))
    return None if row is None else _account(row)


async def edit(tx: Tx, user_id: str, changes: Mapping[str, str | None]) -> None:
    """Change these columns of an account, and no others; there must be at least one."""
    await tx.execute(update(ACCOUNT).where(ACCOUNT.c.user_id == user_id).values(**changes))


async def rehash(tx: Tx, account: Account, password_hash: str) -> None:
    """Store a newer hash of the same password, unless the password was changed meanwhile."""
    same = (ACCOUNT.c.user_id == account.user_id) & (
        ACCOUNT.c.password_hash == account.password_hash
    )
    await tx.execute(update(ACCOUNT).where(same).values(password_hash=password_hash))


async def set_password(
    tx: Tx, user_id: str, password_hash: str, one_time_until: datetime | None = None
) -> None:
    """Store the hash of a new password; until when it counts, if it is one-time."""
    new = {"password_hash": password_hash, "one_time_until": one_time_until}
    await tx.execute(update(ACCOUNT).where(ACCOUNT.c.user_id == user_id).values(**new))


async def replace_one_time(tx: Tx, account: Account, password_hash: str) -> bool:
    """Store the password that its user has chosen; return False if another one was stored."""
    same = (ACCOUNT.c.user_id == account.user_id) & (
        ACCOUNT.c.one_time_until == account.one_time_until
    )
    chosen = {"password_hash": password_hash, "one_time_until": None}
    return bool((await tx.execute(update(ACCOUNT).where(same).values(**chosen))).rowcount)


async def set_roles(tx: Tx, account: Account) -> None:
    """Store the roles of the account."""
    is_theirs = ACCOUNT.c.user_id == account.user_id
    await tx.execute(update(ACCOUNT).where(is_theirs).values(roles=_roles(account)))


async def staff(tx: Tx) -> Sequence[Account]:
    """Return the accounts that are not only a buyer's, by user id."""
    rows = await tx.rows(select(ACCOUNT).where(OF_STAFF).order_by(ACCOUNT.c.user_id))
    return [_account(row) for row in rows]


async def add_failure(tx: Tx, guess: Guess) -> None:
    """Record that a log-in failed now."""
    await tx.execute(
        insert(LOGIN_FAILURE).values(
            user_id=guess.user_id,
            client=guess.client,
            device=guess.device,
            failed_at=await tx.now(),
        )
    )


async def last_allowed(tx: Tx, limits: Limits, guess: Guess) -> list[datetime | None]:
    """Return for each limit of n the time of the n-th last failure; None if there were fewer.

    The failures of known devices count for those devices only.
    """
    failure = LOGIN_FAILURE.c
    if guess.device is not None:
        return [await _nth_last(tx, failure.device == guess.device, limits.per_account)]
    unknown = failure.device.is_(None)
    return [
        await _nth_last(tx, unknown & (failure.user_id == guess.user_id), limits.per_account),
        await _nth_last(tx, unknown & (failure.client == guess.client), limits.per_client),
    ]


async def count_failures(tx: Tx, within: timedelta, at_most: int) -> int:
    """Return how many log-ins have failed within that time, counted up to `at_most`."""
    failed_at = LOGIN_FAILURE.c.failed_at
    recent = select(failed_at).where(is_recent(failed_at, await tx.now(), within))
    counted = recent.limit(at_most).subquery()
    return int(await tx.scalar(select(func.count()).select_from(counted)))


async def delete_failures(tx: Tx, older_than: timedelta) -> bool:
    """Delete some failures that are older than this; return whether more may be left."""
    before = await tx.now() - older_than
    return await delete_some(tx, LOGIN_FAILURE, LOGIN_FAILURE.c.failed_at < before)


async def _nth_last(tx: Tx, which: ColumnElement[bool], n: int) -> datetime | None:
    failed_at = LOGIN_FAILURE.c.failed_at
    past = is_past(failed_at, await tx.now())
    newest_first = select(failed_at).where(which, past).order_by(failed_at.desc())
    time: datetime | None = await tx.scalar(newest_first.offset(n - 1).limit(1))
    return time


def _row(account: Account) -> Mapping[str, Any]:
    return {
        "user_id": account.user_id,
        "user_name": account.user_name,
        "password_hash": account.password_hash,
        "roles": _roles(account),
        "created_at": account.created_at,
        "one_time_until": account.one_time_until,
        **{name: getattr(account, name) for name in CONTACT},
    }


def _roles(account: Account) -> str:
    return ",".join(account.role_names)


def _account(row: Row) -> Account:
    return Account(
        user_id=row["user_id"],
        user_name=row["user_name"],
        password_hash=row["password_hash"],
        roles=frozenset(Role(role) for role in row["roles"].split(",")),
        created_at=row["created_at"],
        one_time_until=row["one_time_until"],
        **{name: row[name] for name in CONTACT},
    )
