"""What all tests stand on: one real PostgreSQL for the whole run, and fresh databases in it."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Final, Literal

import hypothesis
import pytest
from httpx import AsyncClient

from roadbike.kit.db import Database, migrate
from roadbike.local.errors import CommandError
from tests.postgres import PostgresServer
from tests.service_harness import ApiClient, api_client

Dialect = Literal["postgresql", "sqlite"]
NewDatabase = Callable[..., str]
OpenDatabase = Callable[[str], Database]

NUMBERS: Final = count(1)

hypothesis.settings.register_profile("shop", deadline=None, print_blob=True)
hypothesis.settings.load_profile("shop")


@pytest.fixture(scope="session")
def make_postgres_server() -> Iterator[Callable[[], PostgresServer]]:
    """A factory of clusters that are running, and gone at the end of the run."""
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
    """The cluster that all tests share: not to be stopped."""
    try:
        return make_postgres_server()
    except (
        CommandError,
        RuntimeError,
    ) as trouble:  # one line or a few, and no heap of failed tests
        pytest.exit(f"the tests need PostgreSQL: {trouble}", returncode=3)


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
        else:
            server = request.getfixturevalue("postgres_server")
            name = f"template_{next(numbers)}"
            _in_a_thread(server.execute(f"CREATE DATABASE {name}"))
            url = server.url(name)
        _in_a_thread(migrate.upgrade_async(package, url))
        return name

    return make


@pytest.fixture
def new_database(
    request: pytest.FixtureRequest, tmp_path: Path, template: Callable[[Dialect, str], str]
) -> Iterator[NewDatabase]:
    """A factory of databases that are this test's own: `new_database("sqlite", "roadbike.stock")`.

    Migrated for that package, or empty when it is None. Gives the URL.
    """
    made: list[str] = []

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
        _in_a_thread(server.execute(f"CREATE DATABASE {name}{copied}"))
        made.append(name)
        return str(server.url(name))

    def make(dialect: Dialect, package: str | None = None) -> str:
        return sqlite(package) if dialect == "sqlite" else postgresql(package)

    yield make
    for name in made:
        server = request.getfixturevalue("postgres_server")
        _in_a_thread(server.execute(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def postgres_url(new_database: NewDatabase) -> str:
    """An empty PostgreSQL database."""
    return new_database("postgresql")


@pytest.fixture
def sqlite_url(new_database: NewDatabase) -> str:
    """An empty SQLite database in a file."""
    return new_database("sqlite")


@pytest.fixture(params=["postgresql", "sqlite"])
def dialect(request: pytest.FixtureRequest) -> Dialect:
    """Runs the test on both databases."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def database_url(dialect: Dialect, new_database: NewDatabase) -> str:
    """An empty database, of each kind in turn."""
    return new_database(dialect)


@pytest.fixture
def migrated_url(new_database: NewDatabase) -> Callable[..., str]:
    """A factory: `migrated_url("roadbike.delivery", "sqlite")`; PostgreSQL when left out."""

    def make(package: str, dialect: Dialect = "postgresql") -> str:
        return new_database(dialect, package)

    return make


@pytest.fixture
async def open_database() -> AsyncIterator[OpenDatabase]:
    """A factory of kit's Database from a URL, closed after the test."""
    async with AsyncExitStack() as stack:

        def open_(url: str) -> Database:
            database = Database(url)
            stack.push_async_callback(database.close)
            return database

        yield open_


@pytest.fixture
def db(open_database: OpenDatabase, database_url: str) -> Database:
    """kit's Database on an empty database, of each kind in turn."""
    return open_database(database_url)


@pytest.fixture
def nobody(client: AsyncClient) -> ApiClient:
    """Who asks the service that the fixture `client` reaches, without a token."""
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


def _sqlite_url(path: str) -> str:
    return f"sqlite+aiosqlite:///{path}"


def _in_a_thread(work: Coroutine[Any, Any, None]) -> None:
    """Fixtures are needed by tests with a loop of their own and by tests without one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()
