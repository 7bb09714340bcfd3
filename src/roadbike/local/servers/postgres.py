"""One PostgreSQL cluster: loopback only, passwords, one database and role per service."""

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
ACCESS: Final = """# each role reaches the database of its own name, by password, from here only
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
    base: Path  # a folder that the server's user can reach
    folder: Path  # the programs
    major: int
    user: tuple[int, int] | None

    @property
    def data(self) -> Path:
        return self.base / "data"


def part(home: Home, port: int, environ: Mapping[str, str], passwords: Mapping[str, str]) -> Part:
    """`passwords` has one for each database, and the superuser's."""
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
            stop=SIGINT,  # the fast shutdown
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
    if user and not reachable(folder, user):
        folder = _copied(programs, base)
    return Cluster(base, folder, programs.major, user)


def server_user() -> tuple[int, int] | None:
    """PostgreSQL refuses to run as root; then it runs as nobody."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def reachable(path: Path, user: tuple[int, int]) -> bool:
    return all(_may_enter(folder, user) for folder in (path, *path.parents))


def _may_enter(folder: Path, user: tuple[int, int]) -> bool:
    about = folder.stat()
    if about.st_uid == user[0]:
        return bool(about.st_mode & 0o100)
    return bool(about.st_mode & (0o010 if about.st_gid == user[1] else 0o001))


def _base(home: Home, user: tuple[int, int] | None) -> Path:
    base = home.postgres
    if not base.exists():
        if user and not reachable(home.path, user):
            base.unlink(missing_ok=True)
            base.symlink_to(_outside(home))
        base.resolve().mkdir(mode=0o700, parents=True, exist_ok=True)
        if user:
            os.chown(base.resolve(), *user)
    return base.resolve()


def _outside(home: Home) -> Path:
    """For a home under a folder that the server's user cannot enter, such as a root home."""
    temporary = Path(tempfile.gettempdir()).resolve()
    within = temporary if temporary in home.path.resolve().parents else Path("/var/lib")
    name = hashlib.sha256(bytes(home.path)).hexdigest()[:16]
    outside = within / f"roadbike-{name}"
    shutil.rmtree(outside, ignore_errors=True)  # of a home here before, deleted since
    return outside


def _copied(programs: binaries.Postgres, base: Path) -> Path:
    """The programs where the server's user can reach them: what it needs of their tree."""
    tree = programs.folder.parent
    package = tree.parent
    copy = base / f"programs-{programs.major}"
    if not copy.exists():
        fresh = base / "programs.new"
        shutil.rmtree(fresh, ignore_errors=True)
        for name in ("bin", "lib", "share"):
            shutil.copytree(tree / name, fresh / package.name / tree.name / name, symlinks=True)
        libraries = f"{package.name}.libs"  # where a wheel keeps them, found by its place
        if package.with_name(libraries).is_dir():
            shutil.copytree(package.with_name(libraries), fresh / libraries, symlinks=True)
        chmod = ("chmod", "-R", "a+rX", str(fresh))
        subprocess.run(chmod, check=True, start_new_session=True)  # noqa: S603  ours
        fresh.rename(copy)
    return copy / package.name / tree.name / "bin"


def prepare(cluster: Cluster, password: str) -> None:
    """Makes the cluster when there is none; whole or not at all."""
    if not cluster.data.exists():
        fresh = cluster.base / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        _initdb(cluster, fresh, password)
        fresh.rename(cluster.data)
    (cluster.data / "pg_hba.conf").write_text(ACCESS)


def _initdb(cluster: Cluster, data: Path, password: str) -> None:
    secret = cluster.base / "password"
    write_private(secret, password.encode())
    if cluster.user:
        os.chown(secret, *cluster.user)
    initdb = cluster.folder / "initdb"
    options = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
    owner = cluster.user or (None, None)
    done = subprocess.run(  # noqa: S603  the program that setting, PATH or wheel names
        [initdb, "-D", data, "-U", SUPERUSER, f"--pwfile={secret}", *options],
        user=owner[0],
        group=owner[1],
        extra_groups=[] if cluster.user else None,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,  # a Ctrl-C is the supervisor's to handle
    )
    secret.unlink()
    if done.returncode:
        lines = tuple((done.stdout + done.stderr).splitlines())
        raise CommandError("PostgreSQL could not make its data folder", details=lines)
