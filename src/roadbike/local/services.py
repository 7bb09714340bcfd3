"""All parts of the shop on one page: what each one is given and which others it waits for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from roadbike.environment import ENVIRONMENT, EVERY_SERVICE, OF_SERVICE
from roadbike.kit.process.settings import ONE_MACHINE
from roadbike.kit.urls import sqlite_url
from roadbike.local import keys, replicas
from roadbike.local.home import Home, passwords
from roadbike.local.ports import HOST, Ports
from roadbike.local.replicas import Replicas
from roadbike.local.servers import AUDIT, kafka, outside, postgres

# After a process was killed, its unacknowledged messages should become available soon.
ACK_WAIT_SECONDS: Final = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceSpec:
    """One of the shop's own services.

    offset: its port is the base plus this.
    publishes: whether it publishes events, on a topic of its own.
    consumes: the names of the services whose topics it reads, as a group of its own name.
    callers: the services that may call it at /internal; the commands (`ops`) may call all.
    """

    name: str
    offset: int
    database: str = "postgresql"
    publishes: bool = True
    consumes: tuple[str, ...] = ()
    callers: tuple[str, ...] = ()
    serve: str = "roadbike.serve:serve"
    migrate: str = "roadbike.kit.db.migrate:upgrade"

    @property
    def package(self) -> str:
        return f"roadbike.{self.name}"

    @property
    def topic(self) -> str | None:
        return topic_of(self.name) if self.publishes else None

    @property
    def reads(self) -> tuple[str, ...]:
        """The topics that it consumes."""
        return tuple(topic_of(name) for name in self.consumes)

    def port(self, ports: Ports) -> int:
        return ports.base + self.offset


STOCK: Final = ServiceSpec(name="stock", offset=1, consumes=("delivery", "reservation"))
RESERVATION: Final = ServiceSpec(
    name="reservation", offset=2, consumes=("delivery", "payment", "stock")
)
PAYMENT: Final = ServiceSpec(
    name="payment", offset=3, consumes=("reservation",), callers=("reservation",)
)
DELIVERY: Final = ServiceSpec(
    name="delivery", offset=4, database="sqlite", consumes=("payment", "reservation", "stock")
)
MYPAGE: Final = ServiceSpec(
    name="mypage",
    offset=5,
    publishes=False,
    consumes=("delivery", "payment", "reservation", "stock"),
    callers=("storefront",),
)
ACCOUNT: Final = ServiceSpec(
    name="account", offset=6, publishes=False, callers=("delivery", "storefront")
)
STOREFRONT: Final = ServiceSpec(name="storefront", offset=7, database="sqlite", publishes=False)

ONCE: Final[Mapping[str, int]] = MappingProxyType({})  # every service is one process
SERVICES: Final = (STOCK, RESERVATION, PAYMENT, DELIVERY, MYPAGE, ACCOUNT, STOREFRONT)


def topic_of(service: str) -> str:
    return f"bike.{service}"


def topics(specs: tuple[ServiceSpec, ...] = SERVICES) -> dict[str, list[str]]:
    """Return the groups that consume each topic."""
    return {
        spec.topic: [each.name for each in specs if spec.topic in each.reads]
        for spec in specs
        if spec.topic
    }


def replicas_of(specs: Sequence[ServiceSpec], ports: Ports, counts: Mapping[str, int]) -> Replicas:
    """Return the parts of each service with their ports; `counts` are of services with several."""
    return replicas.with_ports({spec.name: spec.port(ports) for spec in specs}, ports.base, counts)


def all_ports(
    ports: Ports, specs: Sequence[ServiceSpec] = SERVICES, counts: Mapping[str, int] = ONCE
) -> list[int]:
    """Return every port that a shop listens on."""
    made = replicas_of(specs, ports, counts)
    own = [ports.gateway, ports.fallback, ports.postgres, ports.nats, ports.set_up, ports.limits]
    return [*(port for parts in made.values() for port in parts.values()), *own]


def environment(
    home: Home,
    ports: Ports,
    environ: Mapping[str, str],
    spec: ServiceSpec,
    made: Replicas | None = None,
) -> dict[str, str]:
    """Return the variables that `roadbike serve` reads for this service.

    The ROADBIKE_… and G_… variables of `environ` are passed on, except those that the shop
    sets and those that only other services or the command read. An unknown name is passed on: it
    may be misspelt, and the service says so.
    made: the replicas of the shop, if a service has several.
    """
    urls = {each.name: _urls(each, ports, made or {}) for each in SERVICES}
    account = urls[ACCOUNT.name] if spec.name == STOREFRONT.name else urls[ACCOUNT.name][:1]
    set_here = {
        "ROADBIKE_ENV": "local",
        "ROADBIKE_HOST": HOST,
        "ROADBIKE_PORT": str(spec.port(ports)),
        "ROADBIKE_DATABASE_URL": database_url(home, ports, spec, environ),
        "ROADBIKE_BROKER_URL": broker_url(home, ports, spec.name, environ),
        "ROADBIKE_ACCOUNT_URL": ",".join(account),
        "ROADBIKE_PAYMENT_URL": ",".join(urls[PAYMENT.name]),
        "ROADBIKE_STOCK_URL": ",".join(urls[STOCK.name]),
        "ROADBIKE_RESERVATION_URL": ",".join(urls[RESERVATION.name]),
        "ROADBIKE_DELIVERY_URL": ",".join(urls[DELIVERY.name]),
        "ROADBIKE_MYPAGE_URL": ",".join(urls[MYPAGE.name]),
        "ROADBIKE_SERVICE_KEY_FILE": str(keys.private(home, spec.name)),
        "ROADBIKE_CALLER_KEYS_FILE": str(keys.callers(home, spec.name)),
        "ROADBIKE_ACCOUNT_KEYS_FILE": str(keys.issuer(home)),
        "ROADBIKE_SIMULATED_JOURNAL_URL": _sqlite(home, "payment", "provider.db"),
        "ROADBIKE_SIGNING_KEY_FILE": str(keys.private(home, keys.SIGNING)),
        "ROADBIKE_TRUSTED_HOPS": "1",
        "ROADBIKE_GATEWAY_KEY": gateway_key(home),
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


def _urls(spec: ServiceSpec, ports: Ports, made: Replicas) -> list[str]:
    """Return the URL of each process of the service."""
    processes = made.get(spec.name, {spec.name: spec.port(ports)})
    return [f"http://{HOST}:{port}" for port in processes.values()]


def uses_own_postgres(spec: ServiceSpec, environ: Mapping[str, str]) -> bool:
    """Return whether its database is on the PostgreSQL server that the shop starts."""
    return spec.database == "postgresql" and outside.url(environ, spec.name) is None


def database_url(home: Home, ports: Ports, spec: ServiceSpec, environ: Mapping[str, str]) -> str:
    """Return the URL with which the service serves: of a database outside of the shop if set."""
    return outside.url(environ, spec.name) or _url(home, ports, spec, role=spec.name)


def audit_urls(
    home: Home, ports: Ports, specs: Sequence[ServiceSpec], environ: Mapping[str, str]
) -> dict[str, str]:
    """Return the URLs with which the databases are read only, and the provider's journal."""
    of_services = {
        spec.name: outside.url(environ, spec.name) or _url(home, ports, spec, role=AUDIT)
        for spec in specs
    }
    return of_services | {"provider": _sqlite(home, PAYMENT.name, "provider.db")}


def owner_url(home: Home, ports: Ports, spec: ServiceSpec, environ: Mapping[str, str]) -> str:
    """Return the URL with which the service's database is migrated."""
    owner = postgres.owner_of(spec.name)
    return outside.owner_url(environ, spec.name) or _url(home, ports, spec, role=owner)


def _url(home: Home, ports: Ports, spec: ServiceSpec, role: str) -> str:
    if spec.database == "sqlite":
        return _sqlite(home, spec.name, f"{spec.name}.db")
    password = passwords(home, "postgres", [role])[role]
    return f"postgresql+asyncpg://{role}:{password}@{HOST}:{ports.postgres}/{spec.name}"


def gateway_key(home: Home) -> str:
    """Return the text by which services recognise requests that the gateway has passed on."""
    return f"{ONE_MACHINE}-{passwords(home, 'gateway', ['key'])['key']}"


def broker_url(home: Home, ports: Ports, user: str, environ: Mapping[str, str]) -> str:
    """Return the URL of the broker for that user: of a Kafka outside of the shop, else of NATS."""
    outside = kafka.audit_url(environ) if user == AUDIT else kafka.url(environ)
    if outside:
        return outside
    password = passwords(home, "nats", [user])[user]
    return f"nats://{user}:{password}@{HOST}:{ports.nats}"


def _sqlite(home: Home, folder: str, file: str) -> str:
    return sqlite_url(home.path / folder / file)
