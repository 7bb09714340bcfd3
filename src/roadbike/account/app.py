"""The account service on one page."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Annotated, Final

from msgspec import Meta

from roadbike.account.api import AccountApi
from roadbike.account.devices import DeviceCookie, Devices
from roadbike.account.domain import Limits
from roadbike.account.passwords import SIGN_UP_THREADS, SIGN_UPS_WAITING, Passwords
from roadbike.account.sessions_api import SessionsApi
from roadbike.account.staff_api import StaffApi
from roadbike.account.use_cases import LogIns, delete_ended_sessions, delete_old_failures
from roadbike.contracts.identity import ISSUER
from roadbike.contracts.shop import day_bounds
from roadbike.kit.auth import KeyFault, Publisher, SigningKey
from roadbike.kit.db import Database
from roadbike.kit.process.secret import Secret
from roadbike.kit.process.service import Service, every
from roadbike.kit.process.setting_faults import SettingError, SettingFault, fault
from roadbike.kit.process.settings import Limit, ServiceSettings
from roadbike.kit.web.audit_log import AuditLogApi
from roadbike.kit.web.rates import RateLimit

SIGN_UPS_PER_HOUR: Final = 30  # from one address, in production
HOUR_SECONDS: Final = 3600
Count = Annotated[int, Meta(ge=1, le=1_000_000)]


class Settings(ServiceSettings, frozen=True, kw_only=True):
    """The key that signs access tokens, and how many failed log-ins are allowed."""

    signing_key: Annotated[
        Secret,
        Meta(description="The private key that signs access tokens: a JWK (Ed25519) with a kid."),
    ]
    other_keys: Annotated[
        Secret,
        Meta(
            description="The next signing key, and earlier ones whose tokens are still valid: a "
            "JWKS. They are published; those with a private half sign what is published."
        ),
    ] = Secret('{"keys": []}')
    token_lifetime_seconds: Annotated[
        int, Meta(ge=1, le=600, description="How long an access token is valid.")
    ] = 600
    login_window_seconds: Annotated[
        int, Meta(ge=1, le=86_400, description="How long a failed log-in counts.")
    ] = 300
    login_failures_per_account: Annotated[
        Count,
        Meta(
            description="Failed log-ins to one account before it is refused. Each device that has "
            "logged in before has a count of its own."
        ),
    ] = 10
    login_failures_per_client: Annotated[
        Count, Meta(description="Failed log-ins from one address before it is refused.")
    ] = 10
    login_failures_in_all: Annotated[
        Count,
        Meta(
            description="Failed log-ins of everybody before all are delayed, by 2 s at most; those "
            "from known devices are not."
        ),
    ] = 1000
    sign_ups_per_hour: Annotated[
        Limit,
        Meta(
            description="Sign-ups from one address, per hour and process; then 429. 0 is off. By "
            "default 30 in production, else off."
        ),
    ] = None

    def conflicts(self) -> Iterator[SettingFault]:
        """Yield what is wrong with keys, and with a life of tokens that no service accepts."""
        yield from ServiceSettings.conflicts(self)
        lifetime, accepted = self.token_lifetime_seconds, self.token_max_lifetime_seconds
        if lifetime > accepted:
            yield fault(
                "setting-above",
                name="ROADBIKE_TOKEN_LIFETIME_SECONDS",
                value=lifetime,
                other="ROADBIKE_TOKEN_MAX_LIFETIME_SECONDS",
                limit=accepted,
            )
        try:
            _publisher(self, _signing_key(self))
        except SettingError as error:
            yield from error.faults


def build(settings: Settings) -> Service:
    db = Database(settings.database_url.reveal())
    passwords = Passwords()
    for_sign_ups = Passwords(SIGN_UP_THREADS, SIGN_UPS_WAITING)
    limits = _limits(settings)
    key = _signing_key(settings)
    log_ins = LogIns(db=db, passwords=passwords, devices=Devices([key]), limits=limits)
    api = AccountApi(
        db,
        for_sign_ups,
        RateLimit(settings.limit(settings.sign_ups_per_hour, SIGN_UPS_PER_HOUR), HOUR_SECONDS),
        log_ins,
        key,
        _publisher(settings, key),
        cookie=DeviceCookie(secure=settings.env == "production"),
        token_lifetime_seconds=settings.token_lifetime_seconds,
    )
    sign_ups = settings.limit(settings.sign_ups_per_hour, SIGN_UPS_PER_HOUR)
    return Service(
        name="account",
        settings=settings,
        db=db,
        routes=[
            *api.routes(),
            *SessionsApi(db, for_sign_ups, log_ins, key).routes(),
            *StaffApi(db, for_sign_ups).routes(),
            *AuditLogApi(db, "/accounts/audit", day_bounds).routes(),
        ],
        timed=[
            every(seconds=60, do=partial(delete_old_failures, window=limits.window)),
            every(seconds=60, do=delete_ended_sessions),
        ],
        limits={"signUpsPerHour": sign_ups},
        resources=[passwords, for_sign_ups],
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
    except KeyFault as reason:
        name = "ROADBIKE_SIGNING_KEY"
        raise SettingError(fault("setting-wrong", name=name, reason=reason)) from None


def _publisher(settings: Settings, key: SigningKey) -> Publisher:
    try:
        return Publisher(ISSUER, key, settings.other_keys.reveal())
    except KeyFault as reason:
        name = "ROADBIKE_OTHER_KEYS"
        raise SettingError(fault("setting-wrong", name=name, reason=reason)) from None
