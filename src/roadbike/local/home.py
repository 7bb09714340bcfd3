"""The folder in which one shop keeps everything: data, keys, logs, and shop.json."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from roadbike.local.errors import CommandError

SQLITE_FOLDERS: Final = ("delivery", "payment")  # of services that use SQLite
FOLDERS: Final = ("keys", "logs", "nats", "gateway", *SQLITE_FOLDERS)
ENTRIES: Final = (*FOLDERS, "postgres", "secrets.json", "shop.json", "lock", "control.sock")
DATA: Final = ("postgres/data", "nats/data", *(f"{folder}/*.db" for folder in SQLITE_FOLDERS))


@dataclass(frozen=True, slots=True)
class Home:
    """The paths of one shop. The folder itself may not exist yet."""

    path: Path

    @property
    def was_used(self) -> bool:
        """Whether a shop was opened here before, or is being opened now."""
        return (self.path / "lock").exists()

    @property
    def holds_data(self) -> bool:
        """Whether a database or a broker has stored anything here."""
        return any(any(self.path.glob(pattern)) for pattern in DATA)

    @property
    def shop_json(self) -> Path:
        return self.path / "shop.json"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def keys(self) -> Path:
        return self.path / "keys"

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    def log(self, part: str) -> Path:
        return self.logs / f"{part}.log"


def at(folder: Path) -> Home:
    return Home(folder.expanduser().absolute())


def open_home(home: Home) -> None:
    """Make the folder and its subfolders. Raises CommandError if it holds anything but a shop."""
    if not home.path.is_dir():
        home.path.mkdir(parents=True)
    elif _is_foreign(home):
        raise CommandError(
            f"{home.path} is not empty and not a shop's folder: choose an empty one with --home"
        )
    # When root opens the shop, PostgreSQL runs as another user and must reach its own subfolder.
    home.path.chmod(0o711 if os.geteuid() == 0 else 0o700)
    for name in FOLDERS:
        (home.path / name).mkdir(exist_ok=True)
        (home.path / name).chmod(0o700)


def _is_foreign(home: Home) -> bool:
    names = {entry.name for entry in home.path.iterdir()}
    return bool(names) and not names & {"lock", "shop.json"}


def lock(home: Home) -> int | None:
    """Lock the home for this process until it ends or closes the returned file descriptor.

    Return None when another process holds the lock.
    """
    descriptor = os.open(home.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def wait_until_unlocked(home: Home) -> None:
    """Wait until no process holds the lock: then all processes of the shop have ended."""
    descriptor = os.open(home.path / "lock", os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.close(descriptor)


def empty(home: Home) -> None:
    """Delete what a shop made here, but not other files that lie beside it."""
    for entry in (home.path / name for name in ENTRIES if name != "lock"):
        if entry.is_symlink():  # a link to data outside, where PostgreSQL's user can reach them
            shutil.rmtree(entry.resolve(), ignore_errors=True)
            entry.unlink()
        elif entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)


def write_private(path: Path, content: bytes) -> None:
    """Replace the file atomically; only its owner can read it."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    new.replace(path)


def passwords(home: Home, server: str, names: Iterable[str]) -> dict[str, str]:
    """Return a password at that server for each name; new ones are made and stored."""
    path = home.path / "secrets.json"
    stored = (
        msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, str]])
        if path.exists()
        else {}
    )
    of_server = stored.setdefault(server, {})
    missing = [name for name in names if name not in of_server]
    of_server |= {name: secrets.token_urlsafe(24) for name in missing}
    if missing:
        write_private(path, msgspec.json.encode(stored))
    return {name: of_server[name] for name in names}
