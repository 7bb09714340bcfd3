"""Sessions of browsers over HTTP, for the home page only: log in, get a token, log out."""

import time
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from roadbike.account import domain, sessions, store, use_cases
from roadbike.account.api import NewPassword, log_failure, with_pointer
from roadbike.account.domain import MAX_PASSWORD_LENGTH, Account, SessionEnded, UnusablePassword
from roadbike.account.passwords import Passwords
from roadbike.account.use_cases import LogIns
from roadbike.contracts.types import UserId
from roadbike.contracts.wire_names import wire_name
from roadbike.kit.auth import SigningKey
from roadbike.kit.db import Database, Tx
from roadbike.kit.pure.refusals import Forbidden, Refusal
from roadbike.kit.pure.texts import LINE
from roadbike.kit.web import INTERNAL, Body, Caller, Reply, Route, post

STOREFRONT: Final = "storefront"  # the only service that may call
TOKEN_SECONDS: Final = 60  # the storefront keeps a token no longer than this

SessionId = Annotated[str, Meta(min_length=1, max_length=64)]
Client = Annotated[str, Meta(max_length=64), LINE]  # an address
Password = Annotated[str, Meta(min_length=1, max_length=MAX_PASSWORD_LENGTH)]


class SessionLogIn(Body, frozen=True, kw_only=True, rename=wire_name):
    """A log-in from a browser. client: the address that it comes from.

    new_password: chosen by a user whose password is one-time.
    """

    user_id: UserId
    password: Password
    client: Client
    device_token: str | None = None
    new_password: NewPassword | None = None

    def __repr__(self) -> str:
        return f"SessionLogIn({self.user_id!r})"  # keeps the password out of logs


class SessionRef(Body, frozen=True, kw_only=True, rename=wire_name):
    """The session of a browser."""

    session: SessionId

    def __repr__(self) -> str:
        return "SessionRef()"


class PasswordChange(SessionRef, frozen=True, kw_only=True, rename=wire_name):
    """The old and the new password of the session's user."""

    password: Password
    new_password: Password
    client: Client

    def __repr__(self) -> str:
        return "PasswordChange()"


class SessionView(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """A session with its user, and an access token of at most `expires_in` seconds."""

    user_id: str
    user_name: str
    roles: list[str]
    access_token: str
    expires_in: int
    session: str | None = None
    device_token: str | None = None


class SessionsApi:
    """`/internal/sessions`: called by the storefront. Session ids are in bodies, never in paths."""

    def __init__(
        self, db: Database, passwords: Passwords, log_ins: LogIns, key: SigningKey
    ) -> None:
        self.db = db
        self.passwords = passwords
        self.log_ins = log_ins
        self.key = key

    def routes(self) -> list[Route]:
        path = "/internal/sessions"
        return [
            post(path, self.begin, who=INTERNAL, status=200, refuses=(401, 403, 429)),
            post(f"{path}/tokens", self.token, who=INTERNAL, status=200, refuses=(401,)),
            post(f"{path}/end", self.end, who=INTERNAL, status=204),
            post(f"{path}/password", self.change, who=INTERNAL, status=204, refuses=(401, 429)),
        ]

    async def begin(self, data: SessionLogIn, caller: Caller) -> SessionView:
        """Open a session for a user id and password."""
        _require_storefront(caller)
        try:
            account, device = await self.log_ins.log_in(
                user_id=data.user_id,
                password=data.password,
                client=data.client,
                device_token=data.device_token,
                new_password=data.new_password,
            )
        except UnusablePassword as refusal:
            raise with_pointer(refusal, "/newPassword") from refusal
        except Refusal as refusal:
            await log_failure(self.db, data.user_id, data.client, refusal)
            raise
        session = await self.db.transact(lambda tx: sessions.begin(tx, account.user_id))
        view = self._view(account)
        return msgspec.structs.replace(view, session=session, device_token=device)

    async def token(self, data: SessionRef, caller: Caller) -> SessionView:
        """Return an access token for an open session."""
        _require_storefront(caller)
        return self._view(await self.db.transact(lambda tx: _account_of(tx, data.session)))

    async def end(self, data: SessionRef, caller: Caller) -> Reply[None]:
        """End a session."""
        _require_storefront(caller)
        await self.db.transact(lambda tx: sessions.end(tx, data.session))
        return Reply(None, status=204)

    async def change(self, data: PasswordChange, caller: Caller) -> Reply[None]:
        """Change the password of the session's user; all other sessions of theirs end."""
        _require_storefront(caller)
        account = await self.db.transact(lambda tx: _account_of(tx, data.session))
        await use_cases.change_password(
            self.db,
            self.log_ins,
            self.passwords,
            account,
            session_id=data.session,
            client=data.client,
            password=data.password,
            new_password=data.new_password,
        )
        return Reply(None, status=204)

    def _view(self, account: Account) -> SessionView:
        claims = domain.claims(account, int(time.time()), TOKEN_SECONDS)
        return SessionView(
            user_id=account.user_id,
            user_name=account.user_name,
            roles=sorted(account.roles),
            access_token=self.key.sign(claims),
            expires_in=TOKEN_SECONDS,
        )


def _require_storefront(caller: Caller) -> None:
    if caller.user_id != STOREFRONT:
        raise Forbidden


async def _account_of(tx: Tx, session_id: str) -> Account:
    session = await sessions.use(tx, session_id)
    account = await store.find(tx, session.user_id)
    if account is None:
        raise SessionEnded
    return account
