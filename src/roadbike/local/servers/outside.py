"""Databases that run outside of the shop: which services have one, and as whom each is used."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

import msgspec

from roadbike.kit import urls
from roadbike.kit.process import settings
from roadbike.kit.process.secret import Secret
from roadbike.kit.process.setting_faults import SettingError, fault

SERVING: Final = "{service}_database_url"
OWNING: Final = "{service}_owner_database_url"


def url(environ: Mapping[str, str], service: str) -> str | None:
    """Return the URL with which the service serves; None when the shop makes its database.

    Raises SettingError.
    """
    return _read(SERVING.format(service=service), environ)


def owner_url(environ: Mapping[str, str], service: str) -> str | None:
    """Return the URL with which its database is migrated, as `url`. Raises SettingError."""
    return _read(OWNING.format(service=service), environ) or url(environ, service)


def check(environ: Mapping[str, str], services: Iterable[str]) -> None:
    """Raise SettingError, which names every one of these settings that is wrong."""
    faults = []
    for service in services:
        owning = OWNING.format(service=service)
        try:
            if url(environ, service) is None and _read(owning, environ):
                other = _variable(SERVING.format(service=service))
                faults.append(fault("setting-without", name=_variable(owning), other=other))
            owner_url(environ, service)
        except SettingError as error:
            faults.extend(error.faults)
    if faults:
        raise SettingError(*faults)


def _read(name: str, environ: Mapping[str, str]) -> str | None:
    value: Secret = getattr(settings.read(_setting(name), environ), name)
    return value.reveal() or None


@cache
def _setting(name: str) -> type[msgspec.Struct]:
    forms = {"FORMS": {name: urls.server_database_url}}
    return msgspec.defstruct(name, [(name, Secret, Secret(""))], frozen=True, namespace=forms)


def _variable(name: str) -> str:
    return f"ROADBIKE_{name.upper()}"
