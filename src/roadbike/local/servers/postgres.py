"""One PostgreSQL cluster: loopback only, log-in by password, one database and role per service."""

import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from signal import SIGINT
from typing import Final

from roadbike.local.errors import CommandError
from roadbike.local.home import Home, write_private
from roadbike.local.ports import HOST
from roadbike.local.servers import binaries
from roadbike.local.supervisor import probes
from roadbike.local.supervisor.part import Call, Part, Server

SUPERUSER: Final = "postgres"
ACCESS: Final = """# each role may use the database of its own name, by password, over loopback
host  all       postgres  127.0.0.1/32  scram-sha-256
host  sameuser  all       127.0.0.1/32  scram-sha-256
"""
SETTINGS: Final = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "max_wal_size": "2GB",
    "fsync": "on",
    "synchronous_commit": "on",
    "jit": "off",
    "log_min_messages": "warning",
    "max_logical_replication_workers": "0",
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where data and programs lie.

    base: the folder of the data, which the server's user can reach.
    folder: the folder of the programs. user: user and group id of the server, None for our own.
    """

    base: Path
    folder: Path
    major: int
    user: tuple[int, int] | None

    @property
    def data(self) -> Path:
        return self.base / "data"


def part(home: Home, port: int, environ: Mapping[str, str], passwords: Mapping[str, str]) -> Part:
    """`passwords` has one for each database and one for the superuser."""
    cluster = find(home, environ)
    settings = SETTINGS | {"port": str(port)}
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
        prepare_each=partial(prepare, cluster, passwords[SUPERUSER]),
        finish=Call(
            function="roadbike.local.jobs.databases:make",
            arguments={"port": port, "passwords": dict(passwords)},
        ),
    )


def find(home: Home, environ: Mapping[str, str]) -> Cluster:
    user = server_user()
    base = _base(home, user)
    version = base / "data" / "PG_VERSION"
    major = int(version.read_text()) if version.exists() else None
    programs = binaries.postgres(environ, data_major=major)
    folder = programs.folder
    if user and not is_reachable(folder, user):
        folder = _copied(programs, base)
    return Cluster(base, folder, programs.major, user)


def server_user() -> tuple[int, int] | None:
    """Return user and group `nobody` when we are root, as which PostgreSQL refuses to run."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def is_reachable(path: Path, user: tuple[int, int]) -> bool:
    return all(_may_enter(folder, user) for folder in (path, *path.parents))


def _may_enter(folder: Path, user: tuple[int, int]) -> bool:
    about = folder.stat()
    if about.st_uid == user[0]:
        return bool(about.st_mode & 0o100)
    return bool(about.st_mode & (0o010 if about.st_gid == user[1] else 0o001))


def _base(home: Home, user: tuple[int, int] | None) -> Path:
    base = home.postgres
    if not base.exists():
        if user and not is_reachable(home.path, user):
            base.unlink(missing_ok=True)
            base.symlink_to(_outside(home))
        base.resolve().mkdir(mode=0o700, parents=True, exist_ok=True)
        if user:
            os.chown(base.resolve(), *user)
    return base.resolve()


def _outside(home: Home) -> Path:
    """Return a folder outside the home, for a home that the server's user cannot reach."""
    temporary = Path(tempfile.gettempdir()).resolve()
    within = temporary if temporary in home.path.resolve().parents else Path("/var/lib")
    name = hashlib.sha256(bytes(home.path)).hexdigest()[:16]
    outside = within / f"roadbike-{name}"
    shutil.rmtree(outside, ignore_errors=True)  # left by a deleted home with the same path
    return outside


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
        _initdb(cluster, new, password)
        new.rename(cluster.data)
    (cluster.data / "pg_hba.conf").write_text(ACCESS)


def _initdb(cluster: Cluster, data: Path, password: str) -> None:
    secret = cluster.base / "password"
    write_private(secret, password.encode())
    if cluster.user:
        os.chown(secret, *cluster.user)
    initdb = cluster.folder / "initdb"
    options = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
    owner = cluster.user or (None, None)
    done = subprocess.run(  # noqa: S603  named by a setting, the PATH or a wheel
        [initdb, "-D", data, "-U", SUPERUSER, f"--pwfile={secret}", *options],
        user=owner[0],
        group=owner[1],
        extra_groups=[] if cluster.user else None,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,  # Ctrl-C in the terminal must reach the supervisor only
    )
    secret.unlink()
    if done.returncode:
        lines = tuple((done.stdout + done.stderr).splitlines())
        raise CommandError("PostgreSQL could not make its data folder", details=lines)
