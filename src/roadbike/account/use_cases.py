"""The use cases of account: sign up, open an account, log in, delete old failures."""

from collections.abc import Iterable
from datetime import timedelta

from roadbike.account import domain, store
from roadbike.account.domain import Account, Limits
from roadbike.account.passwords import Passwords, common_words
from roadbike.contracts.identity import Role
from roadbike.kit.db import Database, Tx


async def sign_up(
    db: Database, passwords: Passwords, *, user_id: str, user_name: str, password: str
) -> Account:
    """Open a buyer's account.

    Raises UnusableUserId, UnusablePassword, UserExists, Overloaded.
    """
    new_id = domain.new_user_id(user_id)
    new_password = domain.new_password(password, new_id, common_words())
    with passwords.turn():
        password_hash = await passwords.hash(new_password)  # slow, so outside a transaction
    return await db.transact(
        lambda tx: open_account(
            tx, user_id=new_id, user_name=user_name, password_hash=password_hash
        )
    )


async def open_account(
    tx: Tx,
    *,
    user_id: str,
    user_name: str,
    password_hash: str,
    roles: Iterable[Role] = (Role.BUYER,),
) -> Account:
    """Open an account with these roles. Raises UnusableUserId, UserExists."""
    account = Account(
        user_id=domain.new_user_id(user_id),
        user_name=user_name,
        password_hash=password_hash,
        roles=frozenset(roles),
        created_at=await tx.now(),
    )
    if not await store.add(tx, account):
        raise domain.UserExists(user_id=account.user_id)
    return account


async def log_in(
    db: Database, passwords: Passwords, limits: Limits, *, user_id: str, password: str, client: str
) -> Account:
    """Return the account if the password is right.

    Raises WrongCredentials, TooMany, Overloaded. Unknown users take the same steps. The limits are
    checked again after the password: otherwise parallel guesses would get around them.
    """
    case_folded_id, normal = domain.case_folded(user_id), domain.normal(password)
    with passwords.turn():
        async with db.read() as tx:
            await _check_limits(tx, limits, case_folded_id, client)
            account = await store.find(tx, case_folded_id)
        is_right = await passwords.matches(normal, account.password_hash if account else None)
        async with db.begin() as tx:
            await _check_limits(tx, limits, case_folded_id, client)
            if not is_right:
                await store.add_failure(tx, case_folded_id, client)
        if account is None or not is_right:
            raise domain.WrongCredentials
        await _renew_hash(db, passwords, account, normal)
        return account


async def delete_old_failures(db: Database, window: timedelta) -> None:
    """Delete the failed log-ins that no limit counts any more."""
    async with db.begin() as tx:
        await store.delete_failures(tx, older_than=window)


async def _check_limits(tx: Tx, limits: Limits, user_id: str, client: str) -> None:
    last_allowed = await store.last_allowed(tx, limits, user_id, client)
    domain.check_limits(limits, await tx.now(), last_allowed)


async def _renew_hash(db: Database, passwords: Passwords, account: Account, password: str) -> None:
    """Replace a hash with old parameters; only a log-in has the password to do so."""
    if passwords.is_outdated(account.password_hash):
        password_hash = await passwords.hash(password)
        async with db.begin() as tx:
            await store.rehash(tx, account, password_hash)
