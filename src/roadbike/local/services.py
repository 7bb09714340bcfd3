"""All parts of the shop on one page: what each one is given and which others it waits for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from roadbike.environment import ENVIRONMENT, EVERY_SERVICE, OF_SERVICE
from roadbike.kit.process.settings import ONE_MACHINE
from roadbike.kit.urls import sqlite_url
from roadbike.local import keys
from roadbike.local.home import Home, passwords
from roadbike.local.ports import HOST, Ports
from roadbike.local.servers import nats, postgres, traefik
from roadbike.local.supervisor import probes
from roadbike.local.supervisor.part import Call, Part
from roadbike.local.users import User


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceSpec:
    """One of the shop's own services.

    offset: its port is the base plus this.
    publishes: whether it publishes events, on a topic of its own.
    callers: the services that may call it at /internal; the commands (`ops`) may call all.
    """

    name: str
    offset: int
    database: str = "postgresql"
    publishes: bool = True
    callers: tuple[str, ...] = ()
    serve: str = "roadbike.serve:serve"
    migrate: str = "roadbike.kit.db.migrate:upgrade"

    @property
    def package(self) -> str:
        return f"roadbike.{self.name}"

    @property
    def topic(self) -> str | None:
        return f"bike.{self.name}" if self.publishes else None

    def port(self, ports: Ports) -> int:
        return ports.base + self.offset


STOCK: Final = ServiceSpec(name="stock", offset=1)
RESERVATION: Final = ServiceSpec(name="reservation", offset=2)
PAYMENT: Final = ServiceSpec(name="payment", offset=3, callers=("reservation",))
DELIVERY: Final = ServiceSpec(name="delivery", offset=4, database="sqlite")
MYPAGE: Final = ServiceSpec(name="mypage", offset=5, publishes=False)
ACCOUNT: Final = ServiceSpec(name="account", offset=6, publishes=False, callers=("delivery",))

SERVICES: Final = (STOCK, RESERVATION, PAYMENT, DELIVERY, MYPAGE, ACCOUNT)


def all_parts(
    home: Home,
    ports: Ports,
    environ: Mapping[str, str],
    specs: tuple[ServiceSpec, ...],
    user: User | None = None,
) -> tuple[Part, ...]:
    """Return every part.

    environ: the environment of the `roadbike up` command.
    user: the user that the parts run as; None for our own.
    """
    databases = [spec.name for spec in specs if spec.database == "postgresql"]
    postgres_passwords = passwords(home, "postgres", [postgres.SUPERUSER, *databases])
    nats_passwords = passwords(home, "nats", [spec.name for spec in specs])
    topics = {spec.name: spec.topic for spec in specs}
    return (
        postgres.part(home, ports.postgres, environ, postgres_passwords),
        nats.part(home, ports.nats, environ, nats_passwords, topics, user),
        *(service_part(home, ports, environ, spec, user) for spec in specs),
        traefik.part(
            home,
            ports,
            environ,
            {spec.name: spec.port(ports) for spec in specs},
            gateway_key(home),
            user,
        ),
    )


def service_part(
    home: Home,
    ports: Ports,
    environ: Mapping[str, str],
    spec: ServiceSpec,
    user: User | None = None,
) -> Part:
    port = spec.port(ports)
    ids = user.ids if user else None
    settings = environment(home, ports, environ, spec)
    return Part(
        name=spec.name,
        port=port,
        runs=Call(
            function=spec.serve,
            arguments={"app_module": f"{spec.package}.app", "environ": settings},
            user=ids,
        ),
        prepare=Call(
            function=spec.migrate,
            arguments={
                "package": spec.package,
                "database_url": settings["ROADBIKE_DATABASE_URL"],
            },
            user=ids,
        ),
        is_ready=probes.http(port),
        needs=("postgres", "nats") if spec.database == "postgresql" else ("nats",),
    )


def environment(
    home: Home, ports: Ports, environ: Mapping[str, str], spec: ServiceSpec
) -> dict[str, str]:
    """Return the variables that `roadbike serve` reads for this service.

    The ROADBIKE_… and G_… variables of `environ` are passed on, except those that the shop
    sets and those that only other services or the command read. An unknown name is passed on: it
    may be misspelt, and the service says so.
    """
    set_here = {
        "ROADBIKE_ENV": "local",
        "ROADBIKE_HOST": HOST,
        "ROADBIKE_PORT": str(spec.port(ports)),
        "ROADBIKE_DATABASE_URL": database_url(home, ports, spec),
        "ROADBIKE_BROKER_URL": broker_url(home, ports, spec),
        "ROADBIKE_ACCOUNT_URL": f"http://{HOST}:{ACCOUNT.port(ports)}",
        "ROADBIKE_PAYMENT_URL": f"http://{HOST}:{PAYMENT.port(ports)}",
        "ROADBIKE_SERVICE_KEY_FILE": str(keys.private(home, spec.name)),
        "ROADBIKE_CALLER_KEYS_FILE": str(keys.callers(home, spec.name)),
        "ROADBIKE_ACCOUNT_KEYS_FILE": str(keys.issuer(home)),
        "ROADBIKE_SIMULATED_JOURNAL_URL": _sqlite(home, "payment", "provider.db"),
        "ROADBIKE_SIGNING_KEY_FILE": str(keys.private(home, keys.SIGNING)),
        "ROADBIKE_TRUSTED_HOPS": "1",
        "ROADBIKE_GATEWAY_KEY": gateway_key(home),
        # Each service is one process: after it was killed, only its next start can take over its
        # unacknowledged messages, so they should become available soon.
        "ROADBIKE_ACK_WAIT_SECONDS": "5",
        # On one machine they call each other over http://127.0.0.1.
        **dict.fromkeys(("ROADBIKE_CA", "ROADBIKE_TLS_CERT", "ROADBIKE_TLS_KEY"), ""),
    }
    names = {name.removesuffix("_FILE") for name in set_here}
    passed_on = {
        name: value
        for name, value in environ.items()
        if name.startswith(("ROADBIKE_", "G_")) and name.removesuffix("_FILE") not in names
    }
    of_others = ENVIRONMENT - EVERY_SERVICE - OF_SERVICE.get(spec.name, frozenset())
    return {
        name: value
        for name, value in (passed_on | set_here).items()
        if name.removesuffix("_FILE") not in of_others
    }


def database_url(home: Home, ports: Ports, spec: ServiceSpec) -> str:
    if spec.database == "sqlite":
        return _sqlite(home, spec.name, f"{spec.name}.db")
    password = passwords(home, "postgres", [spec.name])[spec.name]
    return f"postgresql+asyncpg://{spec.name}:{password}@{HOST}:{ports.postgres}/{spec.name}"


def gateway_key(home: Home) -> str:
    """Return the text by which services recognise requests that the gateway has passed on."""
    return f"{ONE_MACHINE}-{passwords(home, 'gateway', ['key'])['key']}"


def broker_url(home: Home, ports: Ports, spec: ServiceSpec) -> str:
    password = passwords(home, "nats", [spec.name])[spec.name]
    return f"nats://{spec.name}:{password}@{HOST}:{ports.nats}"


def _sqlite(home: Home, folder: str, file: str) -> str:
    return sqlite_url(home.path / folder / file)
