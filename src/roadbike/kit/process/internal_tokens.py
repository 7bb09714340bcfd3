"""The keys of internal calls, as the settings give them."""

from collections.abc import Callable

from roadbike.kit.auth import KeyFault, ServiceTokens
from roadbike.kit.auth.keys import SigningKey, public_keys
from roadbike.kit.process.setting_faults import SettingError, SettingFault, fault
from roadbike.kit.process.settings import ServiceSettings


def service_tokens(name: str, chosen: ServiceSettings) -> ServiceTokens:
    """Return what signs and verifies the internal tokens of this service.

    Raises SettingError, which names each setting that holds no such key.
    """
    faults = [
        *_fault("ROADBIKE_SERVICE_KEY", lambda: SigningKey.from_jwk(chosen.service_key.reveal())),
        *_fault("ROADBIKE_CALLER_KEYS", lambda: public_keys(chosen.caller_keys)),
    ]
    if faults:
        raise SettingError(*faults)
    return ServiceTokens(name, chosen.service_key.reveal(), chosen.caller_keys)


def _fault(name: str, read: Callable[[], object]) -> list[SettingFault]:
    try:
        read()
    except KeyFault as reason:
        return [fault("setting-wrong", name=name, reason=reason)]
    return []
