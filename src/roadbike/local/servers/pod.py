"""The gateway in a pod: Traefik with the routes of one machine, to services by their host names.

Traefik and the fallback are two containers of one pod, which have their address 127.0.0.1 in
common, as the two processes on one machine have.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from roadbike.kit.process import settings
from roadbike.kit.process.secret import Secret
from roadbike.local.ports import Ports
from roadbike.local.servers import traefik

PORTS: Final = Ports(8072)  # the gateway is at 8080, the fallback at 8081
PROBED: Final = 8087
PROBES: Final = "probes"
PROBE_PATH: Final = "/ping"
SERVICE_URL: Final = "http://{service}:8080"


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """The setting that the gateway has in common with the services."""

    gateway_key: Secret


def configuration(
    folder: Path,
    environ: Mapping[str, str],
    url: str = SERVICE_URL,
    trusted: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the contents of Traefik's files in that folder, by their names.

    environ: has ROADBIKE_GATEWAY_KEY or that name with _FILE, and may have the settings of the
    gateway. url: of each service, with {service}. trusted: networks of proxies in front of the
    gateway, whose X-Forwarded-For it believes.
    Raises SettingError.
    """
    key = settings.read(Chosen, environ).gateway_key.reveal()
    services = {name: [url.format(service=name)] for name in traefik.ROUTES}
    files = traefik.configuration(folder, PORTS, environ, services, key, host="")
    if trusted:
        entry = files[traefik.CONFIG]["entryPoints"][traefik.ENTRY_POINT]
        entry["forwardedHeaders"] = {"trustedIPs": list(trusted)}
    _add_probes(files)
    return files


def _add_probes(files: dict[str, Any]) -> None:
    """Answer probes at a port of their own: with 404 until the routes are loaded, then with 200."""
    files[traefik.CONFIG]["entryPoints"][PROBES] = {"address": f":{PROBED}"}
    files[traefik.CONFIG]["ping"] = {"manualRouting": True}
    files[traefik.ROUTING]["http"]["routers"][PROBES] = {
        "rule": f"Path(`{PROBE_PATH}`)",
        "entryPoints": [PROBES],
        "service": "ping@internal",
    }
