"""What one can do with accounts: sign up, log in, open one for somebody."""

from collections.abc import Iterable

from roadbike.account import domain, store
from roadbike.account.domain import Account, Limits
from roadbike.account.passwords import Passwords, common_words
from roadbike.contracts.identity import Role
from roadbike.kit.db import Database, Tx


async def sign_up(
    db: Database, passwords: Passwords, *, user_id: str, user_name: str, password: str
) -> Account:
    """Open a buyer's account. Raises Invalid, UserExists or Overloaded."""
    own_id = domain.new_user_id(user_id)
    chosen = domain.new_password(password, own_id, common_words())
    with passwords.turn():
        password_hash = await passwords.hash(chosen)  # slow: no transaction is open meanwhile

    async def open_it(tx: Tx) -> Account:
        return await open_account(
            tx, user_id=own_id, user_name=user_name, password_hash=password_hash
        )

    return await db.transact(open_it)


async def open_account(
    tx: Tx,
    *,
    user_id: str,
    user_name: str,
    password_hash: str,
    roles: Iterable[Role] = (Role.BUYER,),
) -> Account:
    """Open an account with these roles. Raises Invalid for the user id, UserExists."""
    account = Account(
        user_id=domain.new_user_id(user_id),
        user_name=user_name,
        password_hash=password_hash,
        roles=frozenset(roles),
        created_at=await tx.now(),
    )
    if not await store.add(tx, account):
        raise domain.UserExists(pointer="/userId", user_id=account.user_id)
    return account


async def log_in(
    db: Database, passwords: Passwords, limits: Limits, *, user_id: str, password: str, client: str
) -> Account:
    """Tell whose password it is. Raises WrongCredentials, TooMany or Overloaded.

    Unknown users take the same way. The limits are looked at again afterwards: of guesses that
    run side by side no more are looked at than of guesses in a row.
    """
    own_id, typed = domain.folded(user_id), domain.normal(password)
    with passwords.turn():
        async with db.read() as tx:
            await _check_limits(tx, limits, own_id, client)
            account = await store.find(tx, own_id)
        is_right = await passwords.matches(typed, account.password_hash if account else None)
        async with db.begin() as tx:
            await _check_limits(tx, limits, own_id, client)
            if not is_right:
                await store.add_failure(tx, own_id, client)
        if account is None or not is_right:
            raise domain.WrongCredentials
        await _renew_hash(db, passwords, account, typed)
        return account


async def _check_limits(tx: Tx, limits: Limits, user_id: str, client: str) -> None:
    last_allowed = await store.last_allowed(tx, limits, user_id, client)
    domain.check_limits(limits, await tx.now(), last_allowed)


async def _renew_hash(db: Database, passwords: Passwords, account: Account, password: str) -> None:
    """At a log-in the password is at hand: bring an old hash up to today's parameters."""
    if passwords.is_outdated(account.password_hash):
        password_hash = await passwords.hash(password)
        async with db.begin() as tx:
            await store.rehash(tx, account, password_hash)
