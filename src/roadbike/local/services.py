"""All parts of the shop on one page: what each one is given and which others it waits for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from roadbike.environment import ENVIRONMENT, EVERY_SERVICE, OF_SERVICE
from roadbike.kit.process.settings import ONE_MACHINE
from roadbike.kit.pure.rooms import CONNECTIONS_PER_PROCESS
from roadbike.kit.urls import sqlite_url
from roadbike.local import keys, replicas
from roadbike.local.home import Home, passwords
from roadbike.local.ports import HOST, Ports
from roadbike.local.replicas import Replicas
from roadbike.local.servers import nats, postgres, traefik
from roadbike.local.servers.nats import SET_UP
from roadbike.local.supervisor import probes, watchdog
from roadbike.local.supervisor.part import Call, Part
from roadbike.local.users import User

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
)
ACCOUNT: Final = ServiceSpec(name="account", offset=6, publishes=False, callers=("delivery",))

ONCE: Final[Mapping[str, int]] = MappingProxyType({})  # every service is one process
SERVICES: Final = (STOCK, RESERVATION, PAYMENT, DELIVERY, MYPAGE, ACCOUNT)


def topic_of(service: str) -> str:
    return f"bike.{service}"


def topics(specs: tuple[ServiceSpec, ...] = SERVICES) -> dict[str, list[str]]:
    """Return the groups that consume each topic."""
    return {
        spec.topic: [each.name for each in specs if spec.topic in each.reads]
        for spec in specs
        if spec.topic
    }


def replicas_of(
    specs: tuple[ServiceSpec, ...], ports: Ports, counts: Mapping[str, int]
) -> Replicas:
    """Return the parts of each service with their ports; `counts` are of services with several."""
    return replicas.with_ports({spec.name: spec.port(ports) for spec in specs}, ports.base, counts)


def all_parts(
    home: Home,
    ports: Ports,
    environ: Mapping[str, str],
    specs: tuple[ServiceSpec, ...],
    user: User | None = None,
    counts: Mapping[str, int] = ONCE,
) -> tuple[Part, ...]:
    """Return every part.

    environ: the environment of the `roadbike up` command.
    user: the user that the parts run as; None for our own.
    counts: how many processes each service has that does not have one.
    """
    made = replicas_of(specs, ports, counts)
    limits = {
        spec.name: postgres.connection_limit(CONNECTIONS_PER_PROCESS, len(made[spec.name]))
        for spec in specs
        if spec.database == "postgresql"
    }
    roles = [postgres.SUPERUSER, *limits, *map(postgres.owner_of, limits)]
    seconds = watchdog.hang_seconds(environ)
    parts = (
        postgres.part(home, ports.postgres, environ, passwords(home, "postgres", roles), limits),
        nats.part(home, ports.nats, environ, broker_rights(home, specs), user),
        set_up_part(home, ports, specs, user),
        *(part for spec in specs for part in service_parts(home, ports, environ, spec, made, user)),
        traefik.part(
            home,
            ports,
            environ,
            {service: list(parts.values()) for service, parts in made.items()},
            gateway_key(home),
            user,
        ),
    )
    return tuple(replace(part, hang_seconds=seconds) for part in parts)


def broker_rights(home: Home, specs: tuple[ServiceSpec, ...]) -> nats.Rights:
    names = [spec.name for spec in specs]
    return nats.Rights(
        passwords=passwords(home, "nats", [*names, SET_UP]),
        publishes={spec.name: spec.topic for spec in specs},
        consumes={spec.name: spec.reads for spec in specs},
        groups=topics(specs),
    )


def set_up_part(
    home: Home, ports: Ports, specs: tuple[ServiceSpec, ...], user: User | None = None
) -> Part:
    """Return the process that makes topics and groups, and keeps making what is missing."""
    return Part(
        name=SET_UP,
        port=ports.set_up,
        runs=Call(
            function="roadbike.local.jobs.broker:keep_set_up",
            arguments={
                "url": broker_url(home, ports, SET_UP),
                "topics": topics(specs),
                "ack_wait": ACK_WAIT_SECONDS,
            },
            user=user.ids if user else None,
        ),
        is_ready=probes.http(ports.set_up),
        is_live=probes.http_life(ports.set_up),
        needs=("nats",),
    )


def service_parts(
    home: Home,
    ports: Ports,
    environ: Mapping[str, str],
    spec: ServiceSpec,
    made: Replicas,
    user: User | None = None,
) -> list[Part]:
    """Return one part for each replica; they have one migration in common."""
    settings = environment(home, ports, environ, spec, made)
    owner = owner_url(home, ports, spec)
    parts = made[spec.name].items()
    return [
        service_part(settings | {"ROADBIKE_PORT": str(port)}, owner, spec, part, port, user)
        for part, port in parts
    ]


def service_part(
    settings: Mapping[str, str],
    owner: str,
    spec: ServiceSpec,
    name: str,
    port: int,
    user: User | None = None,
) -> Part:
    """`owner` is the URL of the database for the role that migrates it."""
    ids = user.ids if user else None
    return Part(
        name=name,
        port=port,
        runs=Call(
            function=spec.serve,
            arguments={"app_module": f"{spec.package}.app", "environ": dict(settings)},
            user=ids,
        ),
        prepare=Call(
            function=spec.migrate,
            arguments={
                "package": spec.package,
                "database_url": owner,
            },
            user=ids,
        ),
        is_ready=probes.http(port),
        is_live=probes.http_life(port),
        needs=(*(("postgres",) if spec.database == "postgresql" else ()), "nats", SET_UP),
    )


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
    payments = (made or {}).get(PAYMENT.name, {PAYMENT.name: PAYMENT.port(ports)})
    set_here = {
        "ROADBIKE_ENV": "local",
        "ROADBIKE_HOST": HOST,
        "ROADBIKE_PORT": str(spec.port(ports)),
        "ROADBIKE_DATABASE_URL": database_url(home, ports, spec),
        "ROADBIKE_BROKER_URL": broker_url(home, ports, spec.name),
        "ROADBIKE_ACCOUNT_URL": f"http://{HOST}:{ACCOUNT.port(ports)}",
        "ROADBIKE_PAYMENT_URL": ",".join(f"http://{HOST}:{port}" for port in payments.values()),
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


def database_url(home: Home, ports: Ports, spec: ServiceSpec) -> str:
    """Return the URL with which the service serves."""
    return _url(home, ports, spec, role=spec.name)


def owner_url(home: Home, ports: Ports, spec: ServiceSpec) -> str:
    """Return the URL with which the service's database is migrated."""
    return _url(home, ports, spec, role=postgres.owner_of(spec.name))


def _url(home: Home, ports: Ports, spec: ServiceSpec, role: str) -> str:
    if spec.database == "sqlite":
        return _sqlite(home, spec.name, f"{spec.name}.db")
    password = passwords(home, "postgres", [role])[role]
    return f"postgresql+asyncpg://{role}:{password}@{HOST}:{ports.postgres}/{spec.name}"


def gateway_key(home: Home) -> str:
    """Return the text by which services recognise requests that the gateway has passed on."""
    return f"{ONE_MACHINE}-{passwords(home, 'gateway', ['key'])['key']}"


def broker_url(home: Home, ports: Ports, user: str) -> str:
    password = passwords(home, "nats", [user])[user]
    return f"nats://{user}:{password}@{HOST}:{ports.nats}"


def _sqlite(home: Home, folder: str, file: str) -> str:
    return sqlite_url(home.path / folder / file)
