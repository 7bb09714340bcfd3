"""The use cases of account: sign up, edit an account, log in, delete old failures."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from roadbike.account import domain, sessions, store
from roadbike.account.devices import Devices
from roadbike.account.domain import Account, Guess, Limits
from roadbike.account.passwords import Passwords, common_words
from roadbike.contracts.identity import Role
from roadbike.kit.db import Database, Tx
from roadbike.kit.messaging.retention import delete_all
from roadbike.kit.pure.refusals import NotFound
from roadbike.kit.resilience.limiter import Limiter

MAX_DELAYED: Final = 100  # log-ins that are delayed at the same time


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
    one_time_until: datetime | None = None,
) -> Account:
    """Open an account with these roles. Raises UnusableUserId, UserExists."""
    account = Account(
        user_id=domain.new_user_id(user_id),
        user_name=user_name,
        password_hash=password_hash,
        roles=frozenset(roles),
        created_at=await tx.now(),
        one_time_until=one_time_until,
    )
    if not await store.add(tx, account):
        raise domain.UserExists(user_id=account.user_id)
    return account


async def edit_account(tx: Tx, user_id: str, changes: Mapping[str, str | None]) -> Account:
    """Change these fields of the account, None empties one. Raises NotFound."""
    if changes:
        await store.edit(tx, user_id, changes)
    account = await store.find(tx, user_id)
    if account is None:
        raise NotFound
    return account


@dataclass(frozen=True, slots=True, kw_only=True)
class LogIns:
    """Checks passwords, within the limits of failed log-ins.

    sleep: waits so many seconds.
    """

    db: Database
    passwords: Passwords
    devices: Devices
    limits: Limits
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _delayed: Limiter = field(default_factory=lambda: Limiter(MAX_DELAYED, wait_seconds=0))

    async def log_in(
        self,
        *,
        user_id: str,
        password: str,
        client: str,
        device_token: str | None = None,
        new_password: str | None = None,
    ) -> tuple[Account, str]:
        """Return the account and a device token, if the password is right.

        new_password: what its user chooses instead of a one-time password.
        Raises WrongCredentials, TooMany, PasswordMustChange, UnusablePassword, Overloaded.
        Unknown users take the same steps. The limits are checked again after the password:
        otherwise parallel guesses would get around them.
        """
        case_folded_id, normal = domain.case_folded(user_id), domain.normal(password)
        device = self.devices.known(device_token, case_folded_id)
        guess = Guess(user_id=case_folded_id, client=client, device=device)
        with self._turn(guess):
            delay = await self._delay_seconds(guess)
        if delay:
            async with self._delayed.place():
                await self.sleep(delay)
        with self._turn(guess):
            account = await self._checked(guess, normal)
        if account.one_time_until is not None:
            await self._replace(account, normal, new_password)
        return account, self.devices.token(case_folded_id, device)

    def _turn(self, guess: Guess) -> AbstractContextManager[None]:
        return self.passwords.turn(reserved=guess.device is not None)

    async def _delay_seconds(self, guess: Guess) -> float:
        """Return how long to wait while too many log-ins fail; a known device never waits."""
        async with self.db.read(for_write=True) as tx:
            await _check_limits(tx, self.limits, guess)
            if guess.device is not None:
                return 0
            in_all = self.limits.in_all
            failures = await store.count_failures(tx, self.limits.window, at_most=2 * in_all)
        return self.limits.delay_seconds(failures)

    async def _checked(self, guess: Guess, password: str) -> Account:
        async with self.db.read(for_write=True) as tx:
            account = await store.find(tx, guess.user_id)
        stored = account.password_hash if account else None
        is_right = await self.passwords.matches(password, stored)
        async with self.db.begin() as tx:
            await _check_limits(tx, self.limits, guess)
            if not is_right:
                await store.add_failure(tx, guess)
        if account is None or not is_right:
            raise domain.WrongCredentials
        await _renew_hash(self.db, self.passwords, account, password)
        return account

    async def _replace(self, account: Account, one_time: str, new_password: str | None) -> None:
        """Replace a one-time password by the one that its user chooses.

        Raises WrongCredentials when it is too old, PasswordMustChange without a new one,
        UnusablePassword.
        """
        async with self.db.read(for_write=True) as tx:
            now = await tx.now()
        if account.one_time_until is None or account.one_time_until < now:
            raise domain.WrongCredentials
        if new_password is None:
            raise domain.PasswordMustChange
        chosen = domain.new_password(new_password, account.user_id, common_words() | {one_time})
        with self.passwords.turn():
            password_hash = await self.passwords.hash(chosen)

        async def replace(tx: Tx) -> None:
            if not await store.replace_one_time(tx, account, password_hash):
                raise domain.WrongCredentials  # it was replaced meanwhile
            await sessions.end_all(tx, account.user_id)

        await self.db.transact(replace)


async def change_password(
    db: Database,
    log_ins: LogIns,
    passwords: Passwords,
    account: Account,
    *,
    session_id: str,
    client: str,
    password: str,
    new_password: str,
) -> None:
    """Change the password after checking the old one, and end the user's other sessions.

    Raises WrongCredentials, TooMany, UnusablePassword, Overloaded.
    """
    chosen = domain.new_password(new_password, account.user_id, common_words())
    await log_ins.log_in(user_id=account.user_id, password=password, client=client)
    with passwords.turn():
        password_hash = await passwords.hash(chosen)

    async def change(tx: Tx) -> None:
        await store.set_password(tx, account.user_id, password_hash)
        await sessions.end_others(tx, account.user_id, session_id)

    await db.transact(change)


async def delete_ended_sessions(db: Database) -> None:
    """Delete the sessions that have ended by themselves."""
    await delete_all(db, sessions.delete_ended)


async def delete_old_failures(db: Database, window: timedelta) -> None:
    """Delete the failed log-ins that no limit counts any more."""
    await delete_all(db, partial(store.delete_failures, older_than=window))


async def _check_limits(tx: Tx, limits: Limits, guess: Guess) -> None:
    last_allowed = await store.last_allowed(tx, limits, guess)
    domain.check_limits(limits, await tx.now(), last_allowed)


async def _renew_hash(db: Database, passwords: Passwords, account: Account, password: str) -> None:
    """Replace a hash with old parameters; only a log-in has the password to do so."""
    if passwords.is_outdated(account.password_hash):
        password_hash = await passwords.hash(password)
        async with db.begin() as tx:
            await store.rehash(tx, account, password_hash)
