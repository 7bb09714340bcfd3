"""The accounts of staff: add one, change a role, reset a password. Each ends the user's sessions.

A new password is one-time: with it, its user can only choose another one.
"""

from collections.abc import Sequence
from typing import Final

from roadbike.account import domain, sessions, store
from roadbike.account.domain import ONE_TIME_LIFE, Account
from roadbike.account.passwords import Passwords, one_time_password
from roadbike.account.use_cases import open_account
from roadbike.contracts.audit import ACCOUNT, staff_change
from roadbike.contracts.identity import Role
from roadbike.kit.audit_log import OPERATOR, StaffChange, note
from roadbike.kit.db import Database, Tx
from roadbike.kit.db.locks import lock_names
from roadbike.kit.pure.refusals import Forbidden, NotFound

LOCK: Final = "staff"


async def add_staff(
    db: Database,
    passwords: Passwords,
    *,
    user_id: str,
    user_name: str,
    role: Role,
    by: str,
    why: str | None = None,
) -> tuple[Account, str]:
    """Open an account with this role; return it and its one-time password.

    by: the user id of an admin, or OPERATOR and a name.
    Raises Forbidden, UnusableUserId, UserExists, Overloaded.
    """
    new_id = domain.new_user_id(user_id)
    password, password_hash = await _new_password(passwords)

    async def add(tx: Tx) -> Account:
        await _require_admin(tx, by)
        account = await open_account(
            tx,
            user_id=new_id,
            user_name=user_name,
            password_hash=password_hash,
            roles=(role,),
            one_time_until=await tx.now() + ONE_TIME_LIFE,
        )
        change = StaffChange(
            by=by,
            kind=ACCOUNT,
            thing=new_id,
            action="added",
            before={},
            after={"roles": sorted(account.roles)},
            why=why,
        )
        note(tx, change)
        return account

    return await db.transact(add), password


async def set_role(tx: Tx, user_id: str, role: Role, *, by: str, why: str | None = None) -> Account:
    """Give an account this role instead of those that it had, and end its sessions.

    Raises Forbidden, NotFound, LastAdmin.
    """
    await _require_admin(tx, by)
    before = await store.find(tx, domain.case_folded(user_id))
    if before is None:
        raise NotFound
    admins = [each for each in await store.staff(tx) if Role.ADMIN in each.roles]
    after = domain.with_role(before, role, admins)
    if after == before:
        return before
    await store.set_roles(tx, after)
    await sessions.end_all(tx, before.user_id)
    change = staff_change(
        by=by,
        kind=ACCOUNT,
        thing=before.user_id,
        action="role-changed",
        before=before,
        after=after,
        fields=("role_names",),
        why=why,
    )
    note(tx, change)
    return after


async def reset_password(
    db: Database, passwords: Passwords, user_id: str, *, by: str, why: str | None = None
) -> tuple[Account, str]:
    """Replace the password of one of staff; return the account and its one-time password.

    Raises Forbidden, Overloaded, NotFound, also for an account that is not of staff.
    """
    password, password_hash = await _new_password(passwords)

    async def reset(tx: Tx) -> Account:
        await _require_admin(tx, by)
        account = await store.find(tx, domain.case_folded(user_id))
        if account is None or not account.is_staff:
            raise NotFound
        until = await tx.now() + ONE_TIME_LIFE
        await store.set_password(tx, account.user_id, password_hash, one_time_until=until)
        await sessions.end_all(tx, account.user_id)
        change = StaffChange(
            by=by,
            kind=ACCOUNT,
            thing=account.user_id,
            action="password-reset",
            before={},
            after={},
            why=why,
        )
        note(tx, change)
        return account

    return await db.transact(reset), password


async def all_staff(tx: Tx) -> Sequence[Account]:
    """Return the accounts of all staff, by user id."""
    return await store.staff(tx)


async def _new_password(passwords: Passwords) -> tuple[str, str]:
    """Return a one-time password and its hash, which is made outside of a transaction."""
    password = one_time_password()
    with passwords.turn():
        return password, await passwords.hash(domain.normal(password))


async def _require_admin(tx: Tx, by: str) -> None:
    """Raise Forbidden unless they are an admin now: a token may be older than a change of roles.

    Changes of roles run one after the other from here on, so that one admin is always left.
    """
    await lock_names(tx, LOCK, ["roles"])
    if by.startswith(OPERATOR):
        return
    account = await store.find(tx, by)
    if account is None or Role.ADMIN not in account.roles:
        raise Forbidden
