"""The HTTP API of accounts: parse, call one use case, answer."""

import time
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
import structlog
from litestar.connection import Request
from litestar.params import HeaderParameter
from msgspec import UNSET, Meta, UnsetType

from roadbike.account import domain, store, use_cases
from roadbike.account.devices import DeviceCookie
from roadbike.account.domain import (
    MAX_PASSWORD_LENGTH,
    MIN_PASSWORD_LENGTH,
    Account,
    UnusablePassword,
    UnusableUserId,
    UserExists,
)
from roadbike.account.passwords import Passwords
from roadbike.account.use_cases import LogIns
from roadbike.contracts.accounts import Contact
from roadbike.contracts.types import USER_ID_LENGTH, Address, Email, Name, Phone, UserId, ZipCode
from roadbike.contracts.wire_names import wire_name
from roadbike.kit.auth import Publisher, SigningKey
from roadbike.kit.db import Database
from roadbike.kit.pure.refusals import (
    Forbidden,
    ForeignObject,
    Invalid,
    NotFound,
    Refusal,
    Unavailable,
)
from roadbike.kit.pure.texts import LINE
from roadbike.kit.web import (
    ANYONE,
    INTERNAL,
    USER,
    Body,
    Caller,
    Links,
    Reply,
    Route,
    get,
    links,
    patch,
    post,
    view,
)
from roadbike.kit.web.rates import RateLimit

JWKS_JSON: Final = "application/jwk-set+json"
JWKS_CACHE: Final = "public, max-age=60"
DEVICE_TOKEN: Final = "X-Device-Token"  # noqa: S105 a header's name

DeviceToken = Annotated[
    str | None,
    HeaderParameter(
        name=DEVICE_TOKEN,
        description="The `deviceToken` of an earlier log-in from this device; browsers send it as "
        "a cookie. With it, failed log-ins of others do not count.",
    ),
]

log = structlog.get_logger()

NewUserId = Annotated[  # documented with its pattern; the domain checks it, with its own message
    str,
    Meta(max_length=USER_ID_LENGTH, extra_json_schema={"pattern": domain.USER_ID}),
    LINE,
]


NewPassword = Annotated[str, Meta(min_length=MIN_PASSWORD_LENGTH, max_length=MAX_PASSWORD_LENGTH)]


class SignUp(Body, frozen=True, kw_only=True, rename=wire_name):
    """A new buyer."""

    user_id: NewUserId
    password: NewPassword
    user_name: Name

    def __repr__(self) -> str:
        return f"SignUp({self.user_id!r})"  # keeps the password out of logs


class Credentials(Body, frozen=True, kw_only=True, rename=wire_name):
    """User id and password. new_password: chosen by a user whose password is one-time."""

    user_id: UserId
    password: Annotated[str, Meta(min_length=1, max_length=MAX_PASSWORD_LENGTH)]
    new_password: NewPassword | None = None

    def __repr__(self) -> str:
        return f"Credentials({self.user_id!r})"


class AccountEdit(Body, frozen=True, kw_only=True, rename=wire_name):
    """The fields of an account to change; null empties one."""

    ignored = frozenset({"userId", "roles", "createdAt", "_links"})

    user_name: Name | UnsetType = UNSET
    phone: Phone | UnsetType | None = UNSET
    email: Email | UnsetType | None = UNSET
    zip_code: ZipCode | UnsetType | None = UNSET
    address: Address | UnsetType | None = UNSET

    def __repr__(self) -> str:
        return "AccountEdit()"  # keeps personal data out of logs


class AccountView(msgspec.Struct, frozen=True, kw_only=True, rename=wire_name):
    """An account as its owner sees it."""

    user_id: str
    user_name: str
    phone: str | None
    email: str | None
    zip_code: str | None
    address: str | None
    roles: list[str]
    created_at: datetime
    links: Links = {}


class TokenView(msgspec.Struct, frozen=True):
    """An access token in the form of OAuth 2.0 (RFC 6749, 5.1). expires_in: seconds.

    device_token: to be kept on this device and sent with the next log-in.
    """

    access_token: str
    expires_in: int
    device_token: str = msgspec.field(name="deviceToken")
    token_type: str = "Bearer"  # noqa: S105 not a token


class AccountApi:
    """`/accounts`: sign-up, log-in, and the public keys that other services check tokens with.

    passwords: hashes those of sign-ups. sign_ups: the limit of sign-ups per client address.
    cookie: the cookie of device tokens.
    """

    def __init__(
        self,
        db: Database,
        passwords: Passwords,
        sign_ups: RateLimit,
        log_ins: LogIns,
        key: SigningKey,
        publisher: Publisher,
        *,
        cookie: DeviceCookie,
        token_lifetime_seconds: int,
    ) -> None:
        self.db = db
        self.passwords = passwords
        self.sign_ups = sign_ups
        self.log_ins = log_ins
        self.cookie = cookie
        self.key = key
        self.token_lifetime_seconds = token_lifetime_seconds
        self.publisher = publisher

    def routes(self) -> list[Route]:
        return [
            post("/accounts", self.sign_up, who=ANYONE, refuses=(409, 429)),
            post("/accounts/tokens", self.log_in, who=ANYONE, status=200, refuses=(401, 403, 429)),
            get("/accounts/me", self.me, who=USER),
            patch("/accounts/me", self.edit, who=USER),
            get("/accounts/{user_id:str}", self.get, who=USER),
            get("/internal/accounts/{user_id:str}/contact", self.contact, who=INTERNAL),
            get("/.well-known/jwks.json", self.keys, who=ANYONE, media_type=JWKS_JSON),
        ]

    async def sign_up(self, data: SignUp, client: str) -> Reply[AccountView]:
        """Open a buyer's account."""
        self.sign_ups.take(client)
        try:
            account = await use_cases.sign_up(
                self.db,
                self.passwords,
                user_id=data.user_id,
                user_name=data.user_name,
                password=data.password,
            )
        except UnusableUserId as refusal:
            raise with_pointer(refusal, "/userId") from refusal
        except UnusablePassword as refusal:
            raise with_pointer(refusal, "/password") from refusal
        except UserExists as refusal:
            refusal.pointer = "/userId"
            raise
        own = f"/accounts/{account.user_id}"
        return Reply(_view(account, links(self=own)), headers={"Location": own})

    async def log_in(
        self,
        data: Credentials,
        client: str,
        request: Request[Any, Any, Any],
        device_token: DeviceToken = None,
    ) -> Reply[TokenView]:
        """Get an access token for a user id and password."""
        try:
            account, device = await self.log_ins.log_in(
                user_id=data.user_id,
                password=data.password,
                client=client,
                device_token=device_token or request.cookies.get(self.cookie.name),
                new_password=data.new_password,
            )
        except UnusablePassword as refusal:
            raise with_pointer(refusal, "/newPassword") from refusal
        except Refusal as refusal:
            await log_failure(self.db, data.user_id, client, refusal)
            raise
        log.info("login.succeeded", user=account.user_id, client=client)
        lifetime = self.token_lifetime_seconds
        token = self.key.sign(domain.claims(account, int(time.time()), lifetime))
        body = TokenView(access_token=token, expires_in=lifetime, device_token=device)
        return Reply(body, headers={"Set-Cookie": self.cookie.header(device)})

    async def get(self, user_id: str, caller: Caller) -> AccountView:
        """Show your own account; admins see all."""
        case_folded_id = domain.case_folded(user_id)
        async with self.db.read() as tx:
            account = await store.find(tx, case_folded_id)
        if account is None:
            raise NotFound
        if case_folded_id != caller.user_id and not caller.is_admin:
            raise ForeignObject
        return _view(account, _links(account, caller))

    async def me(self, caller: Caller) -> AccountView:
        """Show your own account."""
        return await self.get(caller.user_id, caller)

    async def edit(self, data: AccountEdit, caller: Caller) -> AccountView:
        """Change your name, how you are reached, and where your parcels go."""
        given = msgspec.structs.asdict(data)
        changes = {name: value for name, value in given.items() if value is not UNSET}
        account = await self.db.transact(
            lambda tx: use_cases.edit_account(tx, caller.user_id, changes)
        )
        return _view(account, _links(account, caller))

    async def contact(self, user_id: str, caller: Caller) -> Contact:
        """Show delivery who parcels for this user go to, and where."""
        if caller.user_id != "delivery":
            raise Forbidden
        async with self.db.read() as tx:
            account = await store.find(tx, user_id)
        if account is None:
            raise NotFound
        return msgspec.convert(account, Contact, from_attributes=True)

    async def keys(self) -> Reply[bytes]:
        """Show the public keys that access tokens are checked with, signed with known ones."""
        return Reply(self.publisher.document(time.time()), headers={"Cache-Control": JWKS_CACHE})


async def log_failure(db: Database, user_id: str, client: str, refusal: Refusal) -> None:
    """Log a refused log-in, with the user id if it exists: others may be typed passwords."""
    account = None
    if not isinstance(refusal, Unavailable):  # then nothing was read either
        async with db.read() as tx:
            account = await store.find(tx, domain.case_folded(user_id))
    user = account.user_id if account else None
    log.warning("login.failed", user=user, client=client, reason=refusal.slug)


def with_pointer(refusal: Invalid, pointer: str) -> Invalid:
    """Return the refusal with the JSON pointer to the wrong member of the body."""
    return Invalid(*(replace(fault, pointer=pointer) for fault in refusal.faults))


def _links(account: Account, caller: Caller) -> Links:
    """Return the links of an account; only its owner may edit it."""
    own = links(self=f"/accounts/{account.user_id}")
    return own | links(edit="/accounts/me") if account.user_id == caller.user_id else own


def _view(account: Account, links: Links) -> AccountView:
    return msgspec.structs.replace(view(AccountView, account, links), roles=sorted(account.roles))
