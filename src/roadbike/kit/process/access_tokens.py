"""What verifies the access tokens of a service's callers, as its settings say."""

from collections.abc import Awaitable, Callable

from roadbike.kit.auth import KeyFault, public_keys
from roadbike.kit.auth.keys import PublicKeys
from roadbike.kit.auth.tokens import TokenVerifier, fetcher
from roadbike.kit.process.service import Application, Service
from roadbike.kit.process.setting_faults import SettingError, fault
from roadbike.kit.process.settings import ServiceSettings
from roadbike.kit.process.tls import client_tls


def token_verifier(
    service: Service,
    application: Application,
    fetch: Callable[[str], Awaitable[str]] | None = None,
) -> TokenVerifier:
    """Return what verifies access tokens for this service; `fetch` as in TokenVerifier.

    Raises SettingError when a setting cannot be read.
    """
    chosen = service.settings
    return TokenVerifier(
        service.db,
        chosen.account_url.partition(",")[0],
        _account_keys(chosen),
        issuer=application.issuer,
        audience=application.audience,
        roles=application.roles,
        max_lifetime_seconds=chosen.token_max_lifetime_seconds,
        fetch=fetch or fetcher(client_tls(chosen)),
    )


def _account_keys(chosen: ServiceSettings) -> PublicKeys:
    try:
        keys = public_keys(chosen.account_keys)
    except KeyFault as reason:
        raise _wrong_account_keys(reason) from None
    if not keys:
        raise _wrong_account_keys("it holds no key")
    return keys


def _wrong_account_keys(reason: object) -> SettingError:
    return SettingError(fault("setting-wrong", name="ROADBIKE_ACCOUNT_KEYS", reason=reason))
