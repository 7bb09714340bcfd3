"""The HTTP API of accounts: parse, call one use case, answer."""

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from roadbike.account import domain, store, use_cases
from roadbike.account.domain import (
    MAX_PASSWORD_LENGTH,
    MIN_PASSWORD_LENGTH,
    Account,
    Limits,
    UnusablePassword,
    UnusableUserId,
    UserExists,
)
from roadbike.account.passwords import Passwords
from roadbike.contracts.types import USER_ID_LENGTH, UserId
from roadbike.contracts.wire_names import wire_name
from roadbike.kit.auth import SigningKey
from roadbike.kit.db import Database
from roadbike.kit.pure.refusals import Invalid, NotFound
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

JWKS_JSON: Final = "application/jwk-set+json"
JWKS_CACHE: Final = "public, max-age=60"

NewUserId = Annotated[  # documented with its pattern; the domain checks it, with its own message
    str,
    Meta(min_length=1, max_length=USER_ID_LENGTH, extra_json_schema={"pattern": domain.USER_ID}),
]


class SignUp(Body, frozen=True, kw_only=True, rename=wire_name):
    """A new buyer."""

    user_id: NewUserId
    password: Annotated[str, Meta(min_length=MIN_PASSWORD_LENGTH, max_length=MAX_PASSWORD_LENGTH)]
    user_name: Line

    def __repr__(self) -> str:
        return f"SignUp({self.user_id!r})"  # keeps the password out of logs


class Credentials(Body, frozen=True, kw_only=True, rename=wire_name):
    """User id and password."""

    user_id: UserId
    password: Annotated[str, Meta(min_length=1, max_length=MAX_PASSWORD_LENGTH)]

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
    """An access token in the form of OAuth 2.0 (RFC 6749, 5.1). expires_in: seconds."""

    access_token: str
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105 not a token


class AccountApi:
    """`/accounts`: sign-up, log-in, and the public keys that other services check tokens with."""

    def __init__(
        self,
        db: Database,
        passwords: Passwords,
        limits: Limits,
        key: SigningKey,
        *,
        token_lifetime_seconds: int,
        retired_keys: Sequence[Any] = (),
    ) -> None:
        self.db = db
        self.passwords = passwords
        self.limits = limits
        self.key = key
        self.token_lifetime_seconds = token_lifetime_seconds
        self.jwks = json.dumps({"keys": [key.public_jwk(), *retired_keys]}).encode()

    def routes(self) -> list[Route]:
        return [
            post("/accounts", self.sign_up, who=ANYONE, refuses=(409,)),
            post("/accounts/tokens", self.log_in, who=ANYONE, status=200, refuses=(401, 429)),
            get("/accounts/{user_id:str}", self.get, who=BUYER),
            get("/.well-known/jwks.json", self.keys, who=ANYONE, media_type=JWKS_JSON),
        ]

    async def sign_up(self, data: SignUp) -> Reply[AccountView]:
        """Open a buyer's account."""
        try:
            account = await use_cases.sign_up(
                self.db,
                self.passwords,
                user_id=data.user_id,
                user_name=data.user_name,
                password=data.password,
            )
        except UnusableUserId as refusal:
            raise _with_pointer(refusal, "/userId") from refusal
        except UnusablePassword as refusal:
            raise _with_pointer(refusal, "/password") from refusal
        except UserExists as refusal:
            refusal.pointer = "/userId"
            raise
        return Reply(_view(account), headers={"Location": f"/accounts/{account.user_id}"})

    async def log_in(self, data: Credentials, client: str) -> TokenView:
        """Get an access token for a user id and password."""
        account = await use_cases.log_in(
            self.db,
            self.passwords,
            self.limits,
            user_id=data.user_id,
            password=data.password,
            client=client,
        )
        lifetime = self.token_lifetime_seconds
        claims = domain.claims(account, int(time.time()), lifetime)
        return TokenView(access_token=self.key.sign(claims), expires_in=lifetime)

    async def get(self, user_id: str, caller: Caller) -> AccountView:
        """Show your own account; admins see all."""
        case_folded_id = domain.case_folded(user_id)
        if case_folded_id != caller.user_id and not caller.is_admin:
            raise NotFound
        async with self.db.read() as tx:
            account = await store.find(tx, case_folded_id)
        if account is None:
            raise NotFound
        return _view(account)

    async def keys(self) -> Reply[bytes]:
        """Show the public keys that access tokens are checked with."""
        return Reply(self.jwks, headers={"Cache-Control": JWKS_CACHE})


def _with_pointer(refusal: Invalid, pointer: str) -> Invalid:
    """Return the refusal with the JSON pointer to the wrong member of the body."""
    return Invalid(*(replace(fault, pointer=pointer) for fault in refusal.faults))


def _view(account: Account) -> AccountView:
    return AccountView(
        user_id=account.user_id,
        user_name=account.user_name,
        roles=sorted(account.roles),
        created_at=account.created_at,
        links=links(self=f"/accounts/{account.user_id}"),
    )
