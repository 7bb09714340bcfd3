"""One PostgreSQL cluster: loopback only, log-in by password, a database and two roles per service.

The role with the service's name serves requests; `NAME_owner` owns the database and migrates it.
One more role may read all of them and change nothing.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from signal import SIGINT
from typing import Final

from roadbike.local import home as homes
from roadbike.local import own, users
from roadbike.local.errors import CommandError
from roadbike.local.home import Home
from roadbike.local.ports import HOST
from roadbike.local.servers import AUDIT, binaries
from roadbike.local.supervisor import probes
from roadbike.local.supervisor.part import Call, Part, Server
from roadbike.local.users import User, is_reachable

SUPERUSER: Final = "postgres"
OWNER_CONNECTIONS: Final = 2  # of the role that migrates
AUDIT_CONNECTIONS: Final = 4  # of the role that may only read
SPARE_CONNECTIONS: Final = 3  # of a serving role, for commands such as `roadbike rebuild`
RESERVED_CONNECTIONS: Final = 10  # for the superuser, and for our own look at the database
ACCESS: Final = f"""# by password: a role may use the database of its name and of each role it is in
host  all       postgres  127.0.0.1/32  scram-sha-256
host  samerole  all       127.0.0.1/32  scram-sha-256
host  all       {AUDIT}     127.0.0.1/32  scram-sha-256
"""
SETTINGS: Final = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "shared_buffers": "64MB",
    "max_wal_size": "2GB",
    "fsync": "on",
    "synchronous_commit": "on",
    "jit": "off",
    "log_min_messages": "warning",
    "log_timezone": "UTC",  # as in the logs of services, with which its own is merged
    "log_error_verbosity": "terse",  # details of an error show rows, which hold names and addresses
    "max_logical_replication_workers": "0",
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where data and programs lie.

    base: the folder that holds the data, which is ours and which the server's user can enter.
    folder: the folder of the programs. user: user and group id of the server, None for our own.
    """

    base: Path
    folder: Path
    major: int
    user: tuple[int, int] | None

    @property
    def data(self) -> Path:
        return self.base / "data"

    @property
    def access(self) -> Path:
        """The file that says who may log in: outside of the data, which are the server's own."""
        return self.base / "pg_hba.conf"


def owner_of(service: str) -> str:
    """Return the role that owns the service's database."""
    return f"{service}_owner"


def connection_limit(connections: int, replicas: int = 1) -> int:
    """Return how many connections the serving role of a service may have at a time.

    connections: those of one process, in all its pools.
    """
    return connections * replicas + SPARE_CONNECTIONS


def max_connections(limits: Iterable[int]) -> int:
    """Return how many connections the server has to accept for serving roles with these limits."""
    of_services = sum(limit + OWNER_CONNECTIONS for limit in limits)
    return RESERVED_CONNECTIONS + AUDIT_CONNECTIONS + of_services


def part(
    home: Home,
    port: int,
    environ: Mapping[str, str],
    passwords: Mapping[str, str],
    limits: Mapping[str, int],
) -> Part:
    """Return the server as a part.

    passwords: of the superuser, of both roles of each database and of the one that may only read.
    limits: by database, the
    connections of its serving role.
    """
    cluster = find(home, environ)
    settings = SETTINGS | {
        "port": str(port),
        "hba_file": str(cluster.access),
        "max_connections": str(max_connections(limits.values())),
    }
    flags = [flag for name, value in settings.items() for flag in ("-c", f"{name}={value}")]
    return Part(
        name="postgres",
        port=port,
        runs=Server(
            program=cluster.folder / "postgres",
            arguments=("-D", str(cluster.data), *flags),
            user=cluster.user,
            stop=SIGINT,  # fast shutdown: does not wait for clients
        ),
        is_ready=probes.postgres(port),
        is_live=probes.postgres(port, seconds=probes.PATIENCE_SECONDS),
        prepare_each=partial(prepare, cluster, passwords[SUPERUSER]),
        finish=Call(
            function="roadbike.local.jobs.databases:make",
            arguments={"port": port, "passwords": dict(passwords), "limits": dict(limits)},
        ),
    )


def find(home: Home, environ: Mapping[str, str]) -> Cluster:
    user = users.unprivileged(environ)
    base = _base(home, user)
    version = base / "data" / "PG_VERSION"
    major = int(version.read_text()) if version.exists() else None
    programs = binaries.postgres(environ, data_major=major)
    folder = programs.folder
    if user and not is_reachable(folder, user.ids):
        folder = _copied(programs, base)
    return Cluster(base, folder, programs.major, user.ids if user else None)


def place(home: Home, user: User | None) -> Path:
    """Return where the data are, or will be: in the home, or in a folder outside of it."""
    if found := homes.outside(home):
        return found
    return _within(home) if _must_be_outside(home, user) else home.postgres


def _base(home: Home, user: User | None) -> Path:
    """Return the folder of the cluster, ours also when the server runs as another user."""
    if found := homes.outside(home):
        return found
    if _must_be_outside(home, user):
        made = _outside(home)
        home.postgres.unlink(missing_ok=True)
        home.postgres.symlink_to(made)
        return made
    own.folder(home.postgres, 0o711 if user else 0o700)
    return home.postgres


def _must_be_outside(home: Home, user: User | None) -> bool:
    """Return whether the server's user cannot reach the home, which may not exist yet."""
    if user is None or home.postgres.is_dir():
        return False
    path = home.path
    there = next(each for each in (path, *path.parents) if each.exists())
    return not is_reachable(there, user.ids)


def _within(home: Home) -> Path:
    """Return the folder in which those for data outside of a home are made."""
    temporary = Path(tempfile.gettempdir()).resolve()
    return temporary if temporary in home.path.resolve().parents else Path("/var/lib")


def _outside(home: Home) -> Path:
    """Make a folder outside the home, for a home that the server's user cannot reach.

    Its name cannot be guessed, so nobody can put a link or a folder of their own in its place.
    """
    within = _within(home)
    for left in homes.outside_folders(home, within):  # of a deleted home with the same path
        shutil.rmtree(left)
    made = Path(tempfile.mkdtemp(prefix=homes.OUTSIDE_PREFIX, dir=within))
    own.write(made / homes.OUTSIDE, bytes(home.path))
    own.folder(made, 0o711)
    return made


def _copied(programs: binaries.Postgres, base: Path) -> Path:
    """Copy the programs to where the server's user can reach them, and return their folder."""
    tree = programs.folder.parent
    package = tree.parent
    copy = base / f"programs-{programs.major}"
    if not copy.exists():
        new = base / "programs.new"
        shutil.rmtree(new, ignore_errors=True)
        for name in ("bin", "lib", "share"):
            shutil.copytree(tree / name, new / package.name / tree.name / name, symlinks=True)
        libraries = f"{package.name}.libs"  # of a wheel, which finds them by this relative path
        if package.with_name(libraries).is_dir():
            shutil.copytree(package.with_name(libraries), new / libraries, symlinks=True)
        chmod = ("chmod", "-R", "a+rX", str(new))
        subprocess.run(chmod, check=True, start_new_session=True)  # noqa: S603  fixed arguments
        new.rename(copy)
    return copy / package.name / tree.name / "bin"


def prepare(cluster: Cluster, password: str) -> None:
    """Make the cluster if there is none; an interrupted attempt leaves nothing that counts."""
    if not cluster.data.exists():
        new = cluster.base / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        own.folder(new)
        if cluster.user:
            own.hand_over(new, cluster.user)
        _initdb(cluster, new, password)
        new.rename(cluster.data)
    elif cluster.user:
        own.hand_over(cluster.data, cluster.user)
    _write(cluster, cluster.access, ACCESS)


def _write(cluster: Cluster, path: Path, text: str) -> None:
    """Write a file that the server can read but not change."""
    own.write(path, text.encode())
    own.share(path, cluster.user[1] if cluster.user else None)


def _initdb(cluster: Cluster, data: Path, password: str) -> None:
    secret = cluster.base / "password"
    _write(cluster, secret, password)
    initdb = cluster.folder / "initdb"
    options = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
    owner = cluster.user or (None, None)
    done = subprocess.run(  # noqa: S603  named by a setting, the PATH or a wheel
        [initdb, "-D", data, "-U", SUPERUSER, f"--pwfile={secret}", *options],
        user=owner[0],
        group=owner[1],
        extra_groups=[] if cluster.user else None,
        env={},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,  # Ctrl-C in the terminal must reach the supervisor only
    )
    secret.unlink()
    if done.returncode:
        lines = tuple((done.stdout + done.stderr).splitlines())
        raise CommandError("initdb-failed", details=lines)
