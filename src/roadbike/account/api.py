"""Accounts over HTTP: parse, call one use case, answer."""

import json
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from roadbike.account import domain, store, use_cases
from roadbike.account.domain import Account, Limits
from roadbike.account.passwords import Passwords
from roadbike.contracts.wire_names import wire_name
from roadbike.kit.auth import SigningKey
from roadbike.kit.db import Database
from roadbike.kit.pure.refusals import NotFound
from roadbike.kit.web import (
    ANYONE,
    BUYER,
    Body,
    Caller,
    Line,
    Links,
    Reply,
    Route,
    get,
    links,
    post,
)

JWKS: Final = "application/jwk-set+json"
CACHED: Final = "public, max-age=60"

UserId = Annotated[  # the pattern is told here and checked in the domain, with words of its own
    str, Meta(min_length=1, max_length=64, extra_json_schema={"pattern": domain.USER_ID})
]


class SignUp(Body, frozen=True, kw_only=True, rename=wire_name):
    """A new buyer."""

    user_id: UserId
    password: Annotated[str, Meta(min_length=domain.SHORTEST, max_length=domain.LONGEST)]
    user_name: Line

    def __repr__(self) -> str:
        return f"SignUp({self.user_id!r})"  # no password in a log


class Credentials(Body, frozen=True, kw_only=True, rename=wire_name):
    """Who says to be who."""

    user_id: Annotated[str, Meta(min_length=1, max_length=64)]
    password: Annotated[str, Meta(min_length=1, max_length=domain.LONGEST)]

    def __repr__(self) -> str:
        return f"Credentials({self.user_id!r})"


class AccountView(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """An account as its owner sees it."""

    user_id: str
    user_name: str
    roles: list[str]
    created_at: datetime
    links: Links


class TokenView(msgspec.Struct, frozen=True):
    """An access token as OAuth 2.0 tells it."""

    access_token: str
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105 a kind, no token


class AccountApi:
    """`/accounts`: sign-up, log-in, and the keys that the other services check tokens with."""

    def __init__(
        self,
        db: Database,
        passwords: Passwords,
        limits: Limits,
        key: SigningKey,
        *,
        lifetime_s: int,
        retired: Sequence[Any] = (),
    ) -> None:
        self._db = db
        self._passwords = passwords
        self._limits = limits
        self._key = key
        self._lifetime_s = lifetime_s
        self._jwks = json.dumps({"keys": [key.public_jwk(), *retired]}).encode()

    def routes(self) -> list[Route]:
        return [
            post("/accounts", self.sign_up, who=ANYONE, refuses=(409,)),
            post("/accounts/tokens", self.log_in, who=ANYONE, status=200, refuses=(401, 429)),
            get("/accounts/{user_id:str}", self.one, who=BUYER),
            get("/.well-known/jwks.json", self.keys, who=ANYONE, media_type=JWKS),
        ]

    async def sign_up(self, data: SignUp) -> Reply[AccountView]:
        """Open a buyer's account."""
        account = await use_cases.sign_up(
            self._db,
            self._passwords,
            user_id=data.user_id,
            user_name=data.user_name,
            password=data.password,
        )
        return Reply(_view(account), headers={"Location": f"/accounts/{account.user_id}"})

    async def log_in(self, data: Credentials, client: str) -> TokenView:
        """Get an access token for a password."""
        account = await use_cases.log_in(
            self._db,
            self._passwords,
            self._limits,
            user_id=data.user_id,
            password=data.password,
            client=client,
        )
        claims = domain.claims(account, int(time.time()), self._lifetime_s)
        return TokenView(access_token=self._key.sign(claims), expires_in=self._lifetime_s)

    async def one(self, user_id: str, caller: Caller) -> AccountView:
        """Show one's own account; to admins, anybody's."""
        own_id = domain.folded(user_id)
        if own_id != caller.user_id and not caller.is_admin:
            raise NotFound
        async with self._db.read() as tx:
            account = await store.find(tx, own_id)
        if account is None:
            raise NotFound
        return _view(account)

    async def keys(self) -> Reply[bytes]:
        """Show the public keys that access tokens are checked with."""
        return Reply(self._jwks, headers={"Cache-Control": CACHED})


def _view(account: Account) -> AccountView:
    return AccountView(
        user_id=account.user_id,
        user_name=account.user_name,
        roles=sorted(account.roles),
        created_at=account.created_at,
        links=links(self=f"/accounts/{account.user_id}"),
    )
