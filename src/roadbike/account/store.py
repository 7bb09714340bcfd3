"""Accounts and failed log-ins at rest."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Index,
    MetaData,
    RowMapping,
    String,
    Table,
    delete,
    insert,
    select,
    true,
    update,
)

from roadbike.account.domain import Account, Limits
from roadbike.contracts.identity import Role
from roadbike.kit.db import Tx
from roadbike.kit.db.bulk import insert_new
from roadbike.kit.db.columns import BigId, UtcTime

metadata: Final = MetaData()

LONGEST_ID: Final = 64

ACCOUNT: Final = Table(
    "account",
    metadata,
    Column("user_id", String(LONGEST_ID), primary_key=True),
    Column("user_name", String(200), nullable=False),
    Column("password_hash", String(200), nullable=False),
    Column("roles", String(100), nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

LOGIN_FAILURE: Final = Table(
    "login_failure",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("user_id", String(LONGEST_ID), nullable=False),
    Column("client", String(64), nullable=False),
    Column("at", UtcTime, nullable=False),
    Index("login_failure_user", "user_id", "at"),
    Index("login_failure_client", "client", "at"),
    Index("login_failure_at", "at"),
)


async def add(tx: Tx, account: Account) -> bool:
    """Keep a new account; False when its user id was given before."""
    return bool(await insert_new(tx, ACCOUNT, [_row(account)]))


async def find(tx: Tx, user_id: str) -> Account | None:
    row = await tx.row(select(ACCOUNT).where(ACCOUNT.c.user_id == user_id))
    return None if row is None else _account(row)


async def rehash(tx: Tx, account: Account, password_hash: str) -> None:
    """Keep the newer hash of the same password, unless the password was changed meanwhile."""
    same = (ACCOUNT.c.user_id == account.user_id) & (
        ACCOUNT.c.password_hash == account.password_hash
    )
    await tx.execute(update(ACCOUNT).where(same).values(password_hash=password_hash))


async def add_failure(tx: Tx, user_id: str, client: str) -> None:
    await tx.execute(
        insert(LOGIN_FAILURE).values(
            user_id=user_id[:LONGEST_ID],  # folded it may be longer than it was typed
            client=client,
            at=await tx.now(),
        )
    )


async def last_allowed(tx: Tx, limits: Limits, user_id: str, client: str) -> list[datetime | None]:
    """For each limit of n the time of the n-th last failure, if there were as many."""
    failure = LOGIN_FAILURE.c
    return [
        await _nth_last(tx, failure.user_id == user_id, limits.per_account),
        await _nth_last(tx, failure.client == client, limits.per_client),
        await _nth_last(tx, true(), limits.in_all),
    ]


async def forget_failures(tx: Tx, older_than: timedelta) -> None:
    before = await tx.now() - older_than
    await tx.execute(delete(LOGIN_FAILURE).where(LOGIN_FAILURE.c.at < before))


async def _nth_last(tx: Tx, which: ColumnElement[bool], n: int) -> datetime | None:
    newest_first = select(LOGIN_FAILURE.c.at).where(which).order_by(LOGIN_FAILURE.c.at.desc())
    at: datetime | None = await tx.scalar(newest_first.offset(n - 1).limit(1))
    return at


def _row(account: Account) -> Mapping[str, Any]:
    return {
        "user_id": account.user_id,
        "user_name": account.user_name,
        "password_hash": account.password_hash,
        "roles": ",".join(sorted(account.roles)),
        "created_at": account.created_at,
    }


def _account(row: RowMapping) -> Account:
    return Account(
        user_id=row["user_id"],
        user_name=row["user_name"],
        password_hash=row["password_hash"],
        roles=frozenset(Role(role) for role in row["roles"].split(",")),
        created_at=row["created_at"],
    )
