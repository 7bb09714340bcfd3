"""shop.json: what a shop's commands and other programs need to know about it."""

import secrets
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from roadbike.kit.process import settings
from roadbike.kit.process.secret import Secret
from roadbike.kit.urls import DEFAULT_MECHANISM
from roadbike.local import keys, own, services
from roadbike.local.errors import CommandError, did_you_mean
from roadbike.local.home import Home, write_private
from roadbike.local.invocation import command_line
from roadbike.local.ports import DEFAULT_BASE, HOST, Ports
from roadbike.local.servers import AUDIT, kafka
from roadbike.local.servers.nats import SET_UP
from roadbike.local.services import ServiceSpec
from roadbike.local.supervisor import control

FORMAT: Final = 1  # of shop.json and of the data beside it; a home of another format is refused
GATEWAY_OFFSET: Final = Ports(0).gateway
DEMO_USERS: Final = ("buyer", "buyer2", "admin")


class ShopFile(msgspec.Struct, frozen=True, kw_only=True):
    """The content of shop.json.

    open: whether requests are answered. demo: whether the demo users and bikes were made.
    addresses: by part; a service with replicas has that of the first one, too.
    ports, databases, brokers: by part, databases and brokers with passwords; the broker is also
    those of its set-up job and of the audit. owners: the databases for those who migrate them.
    auditors: the databases for those who only read them, and the journal of the simulated
    provider.
    broker_ca, broker_sasl: the settings of those names, for Kafka.
    pids: process ids of the running parts and of the supervisor.
    logins: passwords of the demo users. ops_key: the key file of the commands.
    limits: of requests at the gateway, by name; 0 is off.
    """

    format: int = FORMAT
    home: str
    open: bool = False
    demo: bool = False
    addresses: dict[str, str]
    ports: dict[str, int]
    pids: dict[str, int] = {}
    logins: dict[str, str]
    ops_key: str
    databases: dict[str, str]
    owners: dict[str, str] = {}
    auditors: dict[str, str] = {}
    brokers: dict[str, str]
    broker_ca: str = ""
    broker_sasl: str = DEFAULT_MECHANISM
    limits: dict[str, int] = {}

    @property
    def gateway(self) -> str:
        return self.addresses["gateway"]

    @property
    def base(self) -> int:
        return self.ports["gateway"] - GATEWAY_OFFSET


class _Format(msgspec.Struct, frozen=True):
    """What can be read of a shop.json of any format."""

    format: int | None = None
    ports: dict[str, int] = {}
    pids: dict[str, int] = {}


class _DatabaseSetting(msgspec.Struct, frozen=True):
    """The one setting of a service that `migrate` needs."""

    database_url: Secret


class _BrokerSetting(msgspec.Struct, frozen=True):
    """The one setting of a service that `set-up-broker` needs, too."""

    broker_url: Secret


def read(home: Home) -> ShopFile | None:
    """Return None before the first start.

    Raises CommandError when another version made it, and when it is another user's.
    """
    if not home.shop_json.exists():
        if home.holds_data:
            raise _unreadable(home, "data-without-file")
        return None
    content = own.read(home.shop_json)
    try:
        if msgspec.json.decode(content, type=_Format).format != FORMAT:
            raise _unreadable(home, "other-version")
        return msgspec.json.decode(content, type=ShopFile)
    except msgspec.DecodeError as error:
        raise _unreadable(home, "damaged-file", error=error) from None


def read_known(home: Home) -> ShopFile:
    """As `read`, for a shop that was opened before. Raises CommandError when it was not."""
    shop = read(home)
    if shop is None:
        raise control.not_running(home)
    return shop


def pids(home: Home) -> dict[str, int]:
    """Return the process ids in shop.json, whichever version wrote it; empty when unreadable."""
    try:
        return msgspec.json.decode(own.read(home.shop_json), type=_Format).pids
    except (FileNotFoundError, msgspec.DecodeError):
        return {}


def last_base(home: Home) -> int:
    """Return the base of the ports that this home was opened with last; the default without one."""
    try:
        ports = msgspec.json.decode(own.read(home.shop_json), type=_Format).ports
        return ports["gateway"] - GATEWAY_OFFSET
    except (OSError, CommandError, msgspec.DecodeError, KeyError):
        return DEFAULT_BASE


def write(home: Home, shop: ShopFile) -> None:
    write_private(home.shop_json, msgspec.json.format(msgspec.json.encode(shop), indent=2) + b"\n")


def update(home: Home, **changes: Any) -> None:
    """Replace these fields, if there is a file; write it only if one of them is different."""
    before = read(home)
    after = msgspec.structs.replace(before, **changes) if before else None
    if after and after != before:
        write(home, after)


def begin(
    home: Home,
    ports: Ports,
    specs: tuple[ServiceSpec, ...],
    counts: Mapping[str, int] = services.ONCE,
    environ: Mapping[str, str] = MappingProxyType({}),
    limits: Mapping[str, int] = services.ONCE,
) -> None:
    """Write the file for a start. The demo users keep the passwords made at the first start.

    counts: how many processes each service has that does not have one. limits: of the gateway.
    environ: of the command, which may name a broker and databases outside of the shop.
    """
    before = read(home)
    passwords = {user: secrets.token_urlsafe(12) for user in DEMO_USERS}
    made = services.replicas_of(specs, ports, counts)
    of_parts = {name: port for parts in made.values() for name, port in parts.items()}
    of_services = {spec.name: spec.port(ports) for spec in specs}
    gateway = {"gateway": ports.gateway}
    ca, mechanism = kafka.access(environ)
    shop = ShopFile(
        home=str(home.path),
        demo=before.demo if before else False,
        addresses={
            name: f"http://{HOST}:{port}"
            for name, port in (of_services | of_parts | gateway).items()
        },
        ports={
            **of_parts,
            **gateway,
            "postgres": ports.postgres,
            **({} if kafka.url(environ) else {"nats": ports.nats}),
            SET_UP: ports.set_up,
        },
        logins=before.logins if before else passwords,
        ops_key=str(keys.private(home, keys.OPS)),
        databases={spec.name: services.database_url(home, ports, spec, environ) for spec in specs},
        owners={spec.name: services.owner_url(home, ports, spec, environ) for spec in specs},
        auditors=services.audit_urls(home, ports, specs, environ),
        brokers={
            name: services.broker_url(home, ports, name, environ)
            for name in (*(spec.name for spec in specs), SET_UP, AUDIT)
        },
        broker_ca=ca,
        broker_sasl=mechanism,
        limits=dict(limits),
    )
    write(home, shop)


def databases(
    home: Home, service: str | None, environ: Mapping[str, str], *, to_migrate: bool = False
) -> dict[str, str]:
    """Return database URLs by service: the one in the environment, else those of the open shop.

    to_migrate: those of the owners.
    Raises CommandError when no shop is open, or when the service does not exist.
    """
    if "ROADBIKE_DATABASE_URL" in environ or "ROADBIKE_DATABASE_URL_FILE" in environ:
        if service is None:
            raise CommandError("url-of-one-service")
        return {service: settings.read(_DatabaseSetting, environ).database_url.reveal()}
    shop = read_known(home)
    known = shop.owners if to_migrate else shop.databases
    control.views(home)  # the databases run only while the shop does
    if service is not None and service not in known:
        raise no_such_service(service, known)
    return {service: known[service]} if service else known


def broker(home: Home, environ: Mapping[str, str]) -> str:
    """Return the broker's URL for the set-up job: from the environment, else of the open shop.

    Raises CommandError when no shop is open.
    """
    if "ROADBIKE_BROKER_URL" in environ or "ROADBIKE_BROKER_URL_FILE" in environ:
        return settings.read(_BrokerSetting, environ).broker_url.reveal()
    known = read_known(home)
    control.views(home)  # the broker runs only while the shop does
    return known.brokers[SET_UP]


def no_such_service(name: str, known: Iterable[str]) -> CommandError:
    """Return the error for a name that is not one of the known services."""
    names = list(known)
    hint = did_you_mean(name, names)
    return CommandError("no-such-service", service=name, services=", ".join(names), hint=hint)


def _unreadable(home: Home, slug: str, error: object = "") -> CommandError:
    fresh = command_line("up --fresh", home)
    return CommandError(slug, path=home.path, fresh_command=fresh, error=error)
