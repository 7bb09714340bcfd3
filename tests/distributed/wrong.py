"""All that can be wrong with a database or a broker: how it is made, and how it is mended."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from roadbike.kit.db import migrate
from roadbike.kit.messaging.broker import TopicOptions, connect
from roadbike.local.servers.nats import SET_UP
from roadbike.local.services import topics
from tests.distributed import stores
from tests.distributed.guard import AUTHORITY
from tests.distributed.stores import Stores
from tests.kit.broker.messages import wait_until_connected
from tests.kit.next_migration import HEAD, NEXT, PACKAGE, run_next

DATABASE, BROKER, CA = "ROADBIKE_DATABASE_URL", "ROADBIKE_BROKER_URL", "ROADBIKE_BROKER_CA"
DATABASES, BROKERS = ("postgresql", "mariadb"), ("nats", "kafka")
ENDS, READY, NOT_READY = 0, 200, 503
MADE = TopicOptions(partitions=1, replication=1, min_in_sync=1)
SCHEMES = {"postgresql": "postgresql+asyncpg", "mariadb": "mariadb+asyncmy"}

Settings = dict[str, str]
Spoil = Callable[[Stores, str], Awaitable[Settings]]
Mend = Callable[[Stores, str, Settings], Any]  # a context manager, or something to wait for


@dataclass(frozen=True)
class Wrong:
    """One thing that is wrong: how it is made, what the service does, the line that says so.

    mend: what a person does about it while the service runs; None: the service has to be started
    again.
    """

    what: str
    kinds: tuple[str, ...]
    spoil: Spoil
    status: int
    says: str
    mend: Mend | None = None


# how each is made, and mended


async def a_url_without_a_name(_: Stores, kind: str) -> Settings:
    return {DATABASE: f"{SCHEMES[kind]}://user@host"}


async def a_url_without_a_host(_: Stores, kind: str) -> Settings:
    return {BROKER: f"{kind}://"}


async def no_file_of_certificates(_: Stores, kind: str) -> Settings:
    return {DATABASE: f"{SCHEMES[kind]}://user@host/name?ca=/missing.pem"}


async def no_certificates(servers: Stores, kind: str) -> Settings:
    return {BROKER: servers.encrypted_url(kind), CA: "no certificate"}


async def a_port_without_a_server(servers: Stores, kind: str) -> Settings:
    if kind in BROKERS:
        await make_topics(servers, kind)
        return {BROKER: servers.through_door(servers.broker_url(kind))}
    return {DATABASE: servers.through_door(servers.new_database(kind, PACKAGE))}


def a_server_on_that_port(servers: Stores, kind: str, _: Settings) -> Any:
    return servers.opened_door(kind)


async def a_user_who_is_not_known(servers: Stores, kind: str) -> Settings:
    url = servers.new_database(kind, PACKAGE)
    before = "postgres@" if kind == "postgresql" else "tester:of%20the%20tests@"
    assert before in url
    return {DATABASE: url.replace(before, f"late_{kind}:secret@")}


async def that_user(servers: Stores, kind: str, given: Settings) -> None:
    name = given[DATABASE].rpartition("/")[2]
    if kind == "postgresql":
        await servers.postgres.execute("CREATE ROLE late_postgresql LOGIN SUPERUSER")
    else:
        await servers.maria.execute(
            "CREATE USER late_mariadb@'%' IDENTIFIED BY 'secret'",
            f"GRANT ALL ON {name}.* TO late_mariadb@'%'",
        )


async def a_wrong_password(servers: Stores, kind: str) -> Settings:
    url = servers.broker_url(kind, "wrong")
    if kind == "kafka":
        return {BROKER: url.replace("stock:", "late:"), CA: AUTHORITY.ca}
    return {BROKER: url}


async def that_password(servers: Stores, _: str, __: Settings) -> None:
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    made = UserScramCredentialUpsertion("late", info, b"wrong")
    admin = AdminClient({"bootstrap.servers": servers.kafka.addresses})
    admin.alter_user_scram_credentials([made])["late"].result(30)


async def a_name_without_a_database(servers: Stores, kind: str) -> Settings:
    url = servers.new_database(kind)
    return {DATABASE: url.replace("/test_", "/missing_")}


async def that_database(servers: Stores, kind: str, given: Settings) -> None:
    name = given[DATABASE].rpartition("/")[2]
    if kind == "postgresql":
        await servers.postgres.execute(f"CREATE DATABASE {name}")
    else:
        await servers.maria.create(name)
    await migrate.upgrade_async(PACKAGE, given[DATABASE])


async def another_authority(servers: Stores, kind: str) -> Settings:
    url = servers.encrypted_url(kind)
    if kind in BROKERS:
        return {BROKER: url, CA: servers.other_ca.read_text()}
    return {DATABASE: f"{url}?ca={servers.other_ca}"}


async def a_server_without_tls(servers: Stores, kind: str) -> Settings:
    if kind in BROKERS:
        plain = servers.broker_url(kind)
        return {BROKER: plain.replace(f"{kind}://", f"{kind}+tls://"), CA: stores.OWN.ca}
    return {DATABASE: f"{servers.new_database(kind, PACKAGE)}?ca={servers.other_ca}"}


async def no_migration(servers: Stores, kind: str) -> Settings:
    return {DATABASE: servers.new_database(kind)}


async def the_migrations(_: Stores, __: str, given: Settings) -> None:
    await migrate.upgrade_async(PACKAGE, given[DATABASE])


async def a_newer_database(servers: Stores, kind: str) -> Settings:
    url = servers.new_database(kind, PACKAGE)
    await run_next(url, servers.folder, oldest_code=NEXT)
    return {DATABASE: url}


async def unsafe_in_production(servers: Stores, kind: str) -> Settings:
    more = {"ROADBIKE_ENV": "production"}
    if kind in BROKERS:
        await make_topics(servers, kind)
        return {BROKER: servers.broker_url(kind), **more}
    return {DATABASE: servers.new_database(kind, PACKAGE), **more}


async def no_topics(servers: Stores, kind: str) -> Settings:
    return {BROKER: servers.broker_url(kind)}


async def make_topics(servers: Stores, kind: str, _: Settings | None = None) -> None:
    url = servers.broker_url(kind).replace("stock:kcots", "set-up:pu-tes")
    broker = connect(url, SET_UP, topics=MADE)
    try:
        await wait_until_connected(broker)
        await broker.set_up(topics())
    finally:
        await broker.close()


HINT = "`roadbike migrate stock`"
NO_TOPIC = "the broker has no topic bike.stock: `roadbike set-up-broker` makes it"
WRONG = [
    Wrong("name missing", DATABASES, a_url_without_a_name, ENDS, f"{DATABASE} is wrong: the name"),
    Wrong("host missing", BROKERS, a_url_without_a_host, ENDS, BROKER),
    Wrong(
        "no file of certificates",
        DATABASES,
        no_file_of_certificates,
        ENDS,
        f"{DATABASE} is wrong: no c",
    ),
    Wrong("no certificates", BROKERS, no_certificates, ENDS, CA),
    Wrong(
        *("no server", DATABASES, a_port_without_a_server, NOT_READY),
        *(f"{DATABASE}: no server answers at the host and port", a_server_on_that_port),
    ),
    Wrong(
        "no server", BROKERS, a_port_without_a_server, READY, f"({BROKER})", a_server_on_that_port
    ),
    Wrong(
        *("user", DATABASES, a_user_who_is_not_known, NOT_READY),
        *(f"{DATABASE}: the user or the password is wrong", that_user),
    ),
    Wrong("password", ("nats",), a_wrong_password, NOT_READY, f"the password ({BROKER})"),
    Wrong(
        *("password", ("kafka",), a_wrong_password, NOT_READY),
        *(f"the SASL mechanism ({BROKER})", that_password),
    ),
    Wrong(
        *("database missing", DATABASES, a_name_without_a_database, NOT_READY),
        *(f"{DATABASE}: the database does not exist", that_database),
    ),
    Wrong("certificate", DATABASES, another_authority, NOT_READY, f"{DATABASE}: the certificate"),
    Wrong("certificate", BROKERS, another_authority, NOT_READY, f"({CA})"),
    Wrong("no TLS", DATABASES, a_server_without_tls, NOT_READY, f"{DATABASE}: "),
    Wrong("no TLS", ("nats",), a_server_without_tls, READY, f"the server offers no TLS ({BROKER})"),
    Wrong("no migration", DATABASES, no_migration, NOT_READY, HINT, the_migrations),
    Wrong(
        *("newer database", DATABASES, a_newer_database, NOT_READY),
        f"{DATABASE}: the database is at {NEXT}, which needs code of {NEXT} or newer; this is "
        f"code of {HEAD}",
    ),
    Wrong("unsafe", ("postgresql",), unsafe_in_production, NOT_READY, f"{DATABASE}: fsync is off"),
    Wrong("unsafe", ("mariadb",), unsafe_in_production, NOT_READY, f"{DATABASE}: innodb_flush_log"),
    Wrong(
        "unsafe", ("kafka",), unsafe_in_production, NOT_READY, "the replication factor of bike.s"
    ),
    Wrong("no topic", BROKERS, no_topics, READY, NO_TOPIC, make_topics),
]
