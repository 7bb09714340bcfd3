"""To which host names the gateway answers, and pages of which origins may call it: two settings."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from roadbike.kit.process.setting_faults import SettingError, SettingFault, fault
from roadbike.kit.urls import UrlFault, origin
from roadbike.local.ports import HOST, Ports

HOSTS: Final = "ROADBIKE_HOSTS"
ORIGINS: Final = "ROADBIKE_CORS_ORIGINS"
# Traefik compares them without the port; of an IPv6 address it removes the brackets with the port.
OWN_HOSTS: Final = (HOST, "localhost", "::1", "[::1]")
HOST_NAME: Final = re.compile(r"[A-Za-z0-9.-]+|\[?[0-9A-Fa-f:.]+\]?")


def hosts(environ: Mapping[str, str]) -> list[str]:
    """Return the host names that requests may be sent to.

    Raises SettingError, which names everything in the setting that is not a host name.
    """
    return [*OWN_HOSTS, *_each(environ.get(HOSTS, ""), _host, "setting-host", HOSTS)]


def origins(ports: Ports, environ: Mapping[str, str]) -> list[str]:
    """Return the origins whose pages may call from a browser; a setting replaces the default.

    Raises SettingError, which names everything in the setting that is not an origin.
    """
    chosen = environ.get(ORIGINS)
    if chosen is not None:
        return _each(chosen, origin, "setting-origin", ORIGINS)
    port = ports.gateway
    return [f"http://127.0.0.1:{port}", f"http://localhost:{port}", "http://localhost:8080"]


def _each(text: str, read: Callable[[str], str], slug: str, name: str) -> list[str]:
    """Return what is between the commas as `read` returns it. Raises SettingError."""
    found: list[str] = []
    faults: list[SettingFault] = []
    for typed in filter(None, (part.strip() for part in text.split(","))):
        try:
            found.append(read(typed))
        except UrlFault:
            faults.append(fault(slug, name=name, typed=typed))
    if faults:
        raise SettingError(*faults)
    return found


def _host(typed: str) -> str:
    if not HOST_NAME.fullmatch(typed):
        raise UrlFault("it is not a host name")
    return typed
