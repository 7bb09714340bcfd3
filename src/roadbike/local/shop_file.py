"""shop.json: what a running shop tells other programs of itself."""

import secrets
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from roadbike.kit.process import settings
from roadbike.local import keys, services
from roadbike.local.errors import CommandError, nearest
from roadbike.local.home import Home, read_shop, write_shop
from roadbike.local.ports import HOST, Ports
from roadbike.local.services import ServiceSpec
from roadbike.local.supervisor import control


class OneDatabase(msgspec.Struct, frozen=True):
    database_url: settings.Secret


PEOPLE: Final = ("buyer", "buyer2", "admin")  # the demo log-ins


def begin(home: Home, ports: Ports, specs: tuple[ServiceSpec, ...]) -> None:
    """Log-ins stay as they were made at the first start; all else is told anew."""
    before = read_shop(home)
    write_shop(
        home,
        {
            "home": str(home.path),
            "open": False,
            "demo": before.get("demo", False),
            "addresses": addresses(ports, specs),
            "ports": {
                **{spec.name: spec.port(ports) for spec in specs},
                "gateway": ports.gateway,
                "postgres": ports.postgres,
                "nats": ports.nats,
            },
            "pids": {},
            "logins": before.get("logins") or {who: secrets.token_urlsafe(12) for who in PEOPLE},
            "ops_key": str(keys.private(home, keys.OPS)),
            "databases": {spec.name: services.database_url(home, ports, spec) for spec in specs},
            "brokers": {spec.name: services.broker_url(home, ports, spec) for spec in specs},
        },
    )


def databases(home: Home, service: str | None, environ: Mapping[str, str]) -> dict[str, str]:
    """Database URLs by service: the one of the environment, else those of the shop in this home."""
    if "ROADBIKE_DATABASE_URL" in environ or "ROADBIKE_DATABASE_URL_FILE" in environ:
        if service is None:
            raise CommandError(
                "ROADBIKE_DATABASE_URL is one database: name its SERVICE as argument"
            )
        return {service: settings.read(OneDatabase, environ).database_url.reveal()}
    control.views(home)  # a closed shop's databases are closed too
    known: dict[str, str] = read_shop(home)["databases"]
    if service is not None and service not in known:
        meant = nearest(service, known)
        raise CommandError(
            f"there is no service {service}: the services are {', '.join(known)}{meant}"
        )
    return {service: known[service]} if service else known


def addresses(ports: Ports, specs: tuple[ServiceSpec, ...]) -> dict[str, str]:
    services = {spec.name: spec.port(ports) for spec in specs}
    return {
        name: f"http://{HOST}:{port}"
        for name, port in (services | {"gateway": ports.gateway}).items()
    }


def note(home: Home, **facts: Any) -> None:
    shop = read_shop(home)
    if shop | facts != shop:
        write_shop(home, shop | facts)
