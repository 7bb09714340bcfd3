"""Fixtures for all tests: real PostgreSQL and MariaDB servers, with new databases in them."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, suppress
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import Any, Final, Literal

import hypothesis
import pytest
from httpx import AsyncClient

from roadbike.kit.db import Database, migrate
from roadbike.local.errors import CommandError
from roadbike.local.ports import DEFAULT_BASE, HOST
from tests.distributed import guard
from tests.distributed.kafka_server import KafkaCluster
from tests.groups import Groups, longest_first
from tests.kit import counters
from tests.mariadb import MariaDBServer
from tests.ports import PORTS as SHOP_PORTS
from tests.postgres import PostgresServer
from tests.service_harness import ApiClient, api_client

os.environ["LC_ALL"] = "C.UTF-8"  # the language in which tests read what commands print

Dialect = Literal["postgresql", "sqlite", "mariadb"]
NewDatabase = Callable[..., str]
OpenDatabase = Callable[[str], Database]

NUMBERS: Final = count(1)
COUNTERS: Final = "counters"  # of the tests of kit
ROOT: Final = Path(__file__).parent
# what `make test` also runs on MariaDB: the driver and its statements, and one service
ON_MARIADB: Final = (
    *("kit/test_db.py", "kit/test_bulk.py", "kit/test_rows.py", "kit/test_statements.py"),
    *("kit/test_columns.py", "kit/test_migrations.py", "kit/test_outbox.py", "delivery/"),
)

hypothesis.settings.register_profile("shop", deadline=None, print_blob=True)
hypothesis.settings.load_profile("shop")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Groups:
    """Share the tests out by groups when `make test` uses several processes."""
    return Groups(config, log)


@pytest.hookimpl(tryfirst=True)  # before pytest leaves out what has the marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        path = item.path.relative_to(ROOT).as_posix()
        if _is_on_mariadb(item) and not path.startswith(ON_MARIADB):
            item.add_marker(pytest.mark.distributed)
    if "PYTEST_XDIST_WORKER" in os.environ:
        longest_first(items)


@pytest.fixture(scope="session", autouse=True)
def default_ports() -> Iterator[None]:
    """With HOLD_DEFAULT_PORTS, occupy the default ports, as a shop that is open beside it does."""
    with ExitStack() as held:
        if os.environ.get("HOLD_DEFAULT_PORTS"):
            for offset in SHOP_PORTS:
                with suppress(OSError):  # a shop that is open has it
                    held.enter_context(socket.create_server((HOST, DEFAULT_BASE + offset)))
        yield


@pytest.fixture(scope="session")
def kafka_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """One real Kafka server for all tests that need no more; they delete their topics."""
    folder = tmp_path_factory.mktemp("kafka")
    cluster = KafkaCluster(folder, guard=guard.settings(), options=guard.OPTIONS)
    try:
        cluster.start()
        guard.give_rights(cluster)
        yield cluster
    finally:
        cluster.kill()


@pytest.fixture(scope="session")
def make_postgres_server() -> Iterator[Callable[[], PostgresServer]]:
    """A factory of running PostgreSQL servers, which are removed at the end of the run."""
    servers: list[PostgresServer] = []

    def make() -> PostgresServer:
        servers.append(PostgresServer())
        servers[-1].start()
        return servers[-1]

    yield make
    for server in servers:
        server.remove()


@pytest.fixture(scope="session")
def postgres_server(make_postgres_server: Callable[[], PostgresServer]) -> PostgresServer:
    """The server that all tests share; a test must not stop it."""
    try:
        return make_postgres_server()
    except (CommandError, RuntimeError) as error:  # one message instead of many failed tests
        pytest.exit(f"the tests need PostgreSQL: {error}", returncode=3)


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDBServer]:
    """The server that all tests share; a test must not stop it."""
    server = MariaDBServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def template(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[Dialect, str], str]:
    """Migrated databases by dialect and package, made once and copied for each test."""
    numbers = count(1)

    @cache
    def make(dialect: Dialect, package: str) -> str:
        if dialect == "sqlite":
            name = str(tmp_path_factory.mktemp("template") / "template.db")
            url = _sqlite_url(name)
        elif dialect == "mariadb":
            maria: MariaDBServer = request.getfixturevalue("mariadb_server")
            name = f"template_{next(numbers)}"
            _run_in_a_thread(maria.create(name))
            url = maria.url(name)
        else:
            server = request.getfixturevalue("postgres_server")
            name = f"template_{next(numbers)}"
            _run_in_a_thread(server.execute(f"CREATE DATABASE {name}"))
            url = server.url(name)
        made = _make_counters if package == COUNTERS else partial(migrate.upgrade_async, package)
        _run_in_a_thread(made(url))
        return name

    return make


@pytest.fixture
def new_database(
    request: pytest.FixtureRequest, tmp_path: Path, template: Callable[[Dialect, str], str]
) -> Iterator[NewDatabase]:
    """A factory: `new_database("sqlite", "roadbike.stock")` returns the URL of a new database.

    It is migrated for that package, or empty for None, and is deleted after the test. COUNTERS
    instead of a package: it has kit's tables and the table of counters.
    """
    made: list[Coroutine[Any, Any, None]] = []

    def sqlite(package: str | None) -> str:
        path = tmp_path / f"{len(list(tmp_path.glob('*.db')))}.db"
        if package is None:
            path.touch()
        else:
            shutil.copy(template("sqlite", package), path)
        return _sqlite_url(str(path))

    def postgresql(package: str | None) -> str:
        server = request.getfixturevalue("postgres_server")
        name = f"test_{next(NUMBERS)}"
        copied = f" TEMPLATE {template('postgresql', package)}" if package else ""
        _run_in_a_thread(server.execute(f"CREATE DATABASE {name}{copied}"))
        made.append(server.execute(f"DROP DATABASE {name} WITH (FORCE)"))
        return str(server.url(name))

    def mariadb(package: str | None) -> str:
        server: MariaDBServer = request.getfixturevalue("mariadb_server")
        name = f"test_{next(NUMBERS)}"
        copied = server.copy(template("mariadb", package), name) if package else None
        _run_in_a_thread(copied or server.create(name))
        made.append(server.drop(name))
        return server.url(name)

    makers = {"postgresql": postgresql, "sqlite": sqlite, "mariadb": mariadb}

    def make(dialect: Dialect, package: str | None = None) -> str:
        return makers[dialect](package)

    yield make
    for dropped in made:
        _run_in_a_thread(dropped)


@pytest.fixture
def postgres_url(new_database: NewDatabase) -> str:
    """An empty PostgreSQL database."""
    return new_database("postgresql")


@pytest.fixture
def sqlite_url(new_database: NewDatabase) -> str:
    """An empty SQLite database in a file."""
    return new_database("sqlite")


@pytest.fixture(params=["postgresql", "sqlite", "mariadb"])
def dialect(request: pytest.FixtureRequest) -> Dialect:
    """The dialect; a test with this fixture runs once with each."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def database_url(dialect: Dialect, new_database: NewDatabase) -> str:
    """An empty database; the test runs once with each dialect."""
    return new_database(dialect)


@pytest.fixture
def migrated_url(new_database: NewDatabase) -> Callable[..., str]:
    """A factory: `migrated_url("roadbike.delivery", "sqlite")`; the default is PostgreSQL."""

    def make(package: str, dialect: Dialect = "postgresql") -> str:
        return new_database(dialect, package)

    return make


@pytest.fixture
async def open_database() -> AsyncIterator[OpenDatabase]:
    """A factory of kit's Database for a URL; it is closed after the test."""
    async with AsyncExitStack() as stack:

        def open_(url: str) -> Database:
            database = Database(url)
            stack.push_async_callback(database.close)
            return database

        yield open_


@pytest.fixture
def db(open_database: OpenDatabase, database_url: str) -> Database:
    """kit's Database on an empty database; the test runs once with each dialect."""
    return open_database(database_url)


@pytest.fixture
def nobody(client: AsyncClient) -> ApiClient:
    """A client without a token, for the service that the fixture `client` reaches."""
    return ApiClient(client, {})


@pytest.fixture
def alice(client: AsyncClient) -> ApiClient:
    return api_client(client, "alice", "buyer")


@pytest.fixture
def mallory(client: AsyncClient) -> ApiClient:
    return api_client(client, "mallory", "buyer")


@pytest.fixture
def admin(client: AsyncClient) -> ApiClient:
    return api_client(client, "boss", "admin")


@pytest.fixture
def clerk(client: AsyncClient) -> ApiClient:
    return api_client(client, "hana", "clerk")


async def _make_counters(url: str) -> None:
    database = Database(url)
    await counters.make_tables(database)
    await database.close()


def _is_on_mariadb(item: pytest.Item) -> bool:
    spec = getattr(item, "callspec", None)
    return spec is not None and spec.params.get("dialect") == "mariadb"


def _sqlite_url(path: str) -> str:
    return f"sqlite+aiosqlite:///{path}"


def _run_in_a_thread(work: Coroutine[Any, Any, None]) -> None:
    """Run it in an event loop of its own: tests with and without a running loop use fixtures."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()
