"""The folder in which one shop keeps everything: data, keys, logs, and shop.json."""

import fcntl
import os
import secrets
import shutil
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from roadbike.local import own
from roadbike.local.errors import CommandError

# of services that use SQLite
SQLITE_FOLDERS: Final = ("delivery", "payment", "storefront")
FOLDERS: Final = ("keys", "logs", "nats", "gateway")
DATA_FOLDERS: Final = (*SQLITE_FOLDERS, "nats/data", "postgres/data")
ENTRIES: Final = (
    *FOLDERS,
    *SQLITE_FOLDERS,
    *("postgres", "secrets.json", "shop.json", "lock", "control.sock"),
)
DATA: Final = ("postgres/data", "nats/data/*", *(f"{folder}/*.db" for folder in SQLITE_FOLDERS))
NEEDED_MB: Final = 300  # of free space: a new home takes 70 MB, programs copied for root 150 MB
NEEDED_MB_AGAIN: Final = 50  # to open it again
OUTSIDE: Final = "home"  # the file that names the home of a data folder outside of it
OUTSIDE_PREFIX: Final = "roadbike-data-"


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
    """Make the folder and its subfolders, which are ours until others get access to them.

    Not while a shop is open there: its parts would lose that access. Raises CommandError as
    `make_home` does.
    """
    make_home(home)
    for name in FOLDERS:
        own.folder(home.path / name)
    for name in DATA_FOLDERS:
        if not name.startswith("postgres"):
            (home.path / name).mkdir(0o700, exist_ok=True)  # it may be the services' user's


def check(home: Home) -> None:
    """Raise CommandError when a shop cannot be opened in this folder, before anything is made."""
    there = home.path
    while not os.path.lexists(there):
        there = there.parent
    if not there.is_dir() and not there.is_symlink():
        raise CommandError("home-is-file", path=there)
    if not os.access(there, os.W_OK | os.X_OK):
        raise CommandError("home-not-writable", path=there, user=own.user_name(os.geteuid()))
    check_disk(home, home.path)


def check_disk(home: Home, place: Path) -> None:
    """Raise CommandError when too little space is left where data of this home are, or will be."""
    there = next(each for each in (place, *place.parents) if each.exists())
    needed = NEEDED_MB_AGAIN if home.holds_data else NEEDED_MB
    free = shutil.disk_usage(there).free // 1024**2
    if free < needed:
        raise CommandError("home-disk-full", path=place, free=free, needed=needed)


def make_home(home: Home) -> None:
    """Make the folder itself, so that it can be locked; a shop that is open there goes on.

    Raises CommandError if it holds anything but a shop, or something of another user.
    """
    if not str(home.path).isprintable():
        raise CommandError("home-unprintable", path=repr(str(home.path)))
    # When root opens the shop, PostgreSQL runs as another user and must reach its own subfolder.
    mode = 0o711 if os.geteuid() == 0 else 0o700
    if os.path.lexists(home.path):
        own.check(home.path)
        if _is_foreign(home):
            raise CommandError("home-not-empty", path=home.path)
        _check_owner(home)
    for parent in reversed(home.path.parents):
        if not parent.exists():
            own.folder(parent, mode)
    own.folder(home.path, mode)


def _is_foreign(home: Home) -> bool:
    names = {entry.name for entry in home.path.iterdir()}
    return bool(names) and not names & {"lock", "shop.json"}


def _check_owner(home: Home) -> None:
    """Raise CommandError when anything of the shop is a link or belongs to another user.

    The folders of data, and what is in them, may belong to the user that the services run as.
    """
    data = {home.path / name for name in DATA_FOLDERS}
    left = [path for name in ENTRIES if os.path.lexists(path := home.path / name)]
    while left:
        path = left.pop()
        if path in data and stat.S_ISDIR(path.lstat().st_mode):
            continue
        if path == home.postgres and outside(home):
            continue
        own.check(path)
        if path.is_dir():
            left.extend(path.iterdir())


def outside(home: Home) -> Path | None:
    """Return our folder outside the home that our link `postgres` leads to, if it is one."""
    link = home.postgres
    if not link.is_symlink() or link.lstat().st_uid != os.geteuid():
        return None
    target = link.readlink()
    return target if _is_outside_of(home, target) else None


def outside_folders(home: Home, within: Path) -> list[Path]:
    """Return the folders of data there that were made for a home with this path."""
    return [path for path in within.glob(f"{OUTSIDE_PREFIX}*") if _is_outside_of(home, path)]


def _is_outside_of(home: Home, folder: Path) -> bool:
    try:
        own.check(folder)
        return own.read(folder / OUTSIDE) == bytes(home.path)
    except (OSError, CommandError):  # not a folder of ours
        return False


def lock(home: Home) -> int | None:
    """Lock the home for this process until it ends or closes the returned file descriptor.

    Return None when another process holds the lock. Raises CommandError when the file is another's.
    """
    descriptor = own.lockable(home.path / "lock")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def vanished(home: Home, claim: int) -> Path | None:
    """Return what has vanished while the home was locked: itself, or the data outside of it."""
    try:
        is_same = os.path.samestat((home.path / "lock").lstat(), os.fstat(claim))
    except OSError:
        is_same = False
    if not is_same:
        return home.path
    data = home.postgres
    return data.readlink() if data.is_symlink() and not data.exists() else None


def wait_until_unlocked(home: Home) -> None:
    """Wait until no process holds the lock: then all processes of the shop have ended."""
    descriptor = own.lockable(home.path / "lock")
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.close(descriptor)


def empty(home: Home) -> None:
    """Delete what a shop made here, but not other files that lie beside it."""
    if data := outside(home):
        shutil.rmtree(data)
    for entry in (home.path / name for name in ENTRIES if name != "lock"):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)


def write_private(path: Path, content: bytes) -> None:
    """Replace the file atomically; only its owner can read it."""
    own.write(path, content)


def passwords(home: Home, server: str, names: Iterable[str]) -> dict[str, str]:
    """Return a password at that server for each name; new ones are made and stored.

    Raises CommandError when the file with the passwords is another user's.
    """
    path = home.path / "secrets.json"
    stored = (
        msgspec.json.decode(own.read(path), type=dict[str, dict[str, str]])
        if os.path.lexists(path)
        else {}
    )
    of_server = stored.setdefault(server, {})
    missing = [name for name in names if name not in of_server]
    of_server |= {name: secrets.token_urlsafe(24) for name in missing}
    if missing:
        write_private(path, msgspec.json.encode(stored))
    return {name: of_server[name] for name in names}
