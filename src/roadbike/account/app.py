"""The account service on one page."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from roadbike.account.api import AccountApi
from roadbike.account.domain import Limits
from roadbike.account.passwords import Passwords
from roadbike.account.use_cases import delete_old_failures
from roadbike.kit.auth import KeyFault, SigningKey, public_keys
from roadbike.kit.db import Database
from roadbike.kit.process.service import Service, every
from roadbike.kit.process.settings import Secret, ServiceSettings, SettingError

Count = Annotated[int, Meta(ge=1, le=1_000_000)]


class Settings(ServiceSettings, frozen=True, kw_only=True):
    """The key that signs access tokens, and how many failed log-ins are allowed."""

    signing_key: Annotated[
        Secret,
        Meta(description="The private key that signs access tokens: a JWK (Ed25519) with a kid."),
    ]
    retired_keys: Annotated[
        str, Meta(description="Public keys of earlier tokens that are still valid: a JWKS.")
    ] = '{"keys": []}'
    token_lifetime_seconds: Annotated[
        int, Meta(ge=1, le=600, description="How long an access token is valid.")
    ] = 600
    login_window_seconds: Annotated[
        int, Meta(ge=1, le=86_400, description="How long a failed log-in counts.")
    ] = 300
    login_failures_per_account: Annotated[
        Count, Meta(description="Failed log-ins to one account before it is refused.")
    ] = 10
    login_failures_per_client: Annotated[
        Count, Meta(description="Failed log-ins from one address before it is refused.")
    ] = 10
    login_failures_in_all: Annotated[
        Count, Meta(description="Failed log-ins of everybody before all are refused.")
    ] = 1000


def build(settings: Settings) -> Service:
    db = Database(settings.database_url.reveal())
    passwords = Passwords()
    limits = _limits(settings)
    api = AccountApi(
        db,
        passwords,
        limits,
        _signing_key(settings),
        token_lifetime_seconds=settings.token_lifetime_seconds,
        retired_keys=_retired_keys(settings),
    )
    return Service(
        name="account",
        settings=settings,
        db=db,
        routes=api.routes(),
        timed=[every(seconds=60, do=partial(delete_old_failures, window=limits.window))],
        resources=[passwords],
    )


def _limits(settings: Settings) -> Limits:
    return Limits(
        per_account=settings.login_failures_per_account,
        per_client=settings.login_failures_per_client,
        in_all=settings.login_failures_in_all,
        window=timedelta(seconds=settings.login_window_seconds),
    )


def _signing_key(settings: Settings) -> SigningKey:
    try:
        return SigningKey.from_jwk(settings.signing_key.reveal())
    except KeyFault as fault:
        raise SettingError(f"ROADBIKE_SIGNING_KEY is wrong: {fault}") from None


def _retired_keys(settings: Settings) -> Sequence[Any]:
    try:
        public_keys(settings.retired_keys)
    except KeyFault as fault:
        raise SettingError(f"ROADBIKE_RETIRED_KEYS is wrong: {fault}") from None
    keys: Sequence[dict[str, Any]] = msgspec.json.decode(settings.retired_keys)["keys"]
    return [{name: value for name, value in key.items() if name != "d"} for key in keys]
