"""The folder in which one shop keeps everything: data, keys, logs, and shop.json."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from roadbike.local.errors import CommandError

FOLDERS: Final = ("keys", "logs", "nats", "gateway", "delivery", "payment")
ENTRIES: Final = (*FOLDERS, "postgres", "secrets.json", "shop.json", "lock", "control.sock")


@dataclass(frozen=True, slots=True)
class Home:
    path: Path

    @property
    def is_begun(self) -> bool:
        """Whether a shop was opened here before, or is being opened."""
        return (self.path / "lock").exists()

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
    """Makes the folder; only a folder that is empty or already a shop's is taken."""
    if not home.path.is_dir():
        home.path.mkdir(parents=True)
    elif _is_strange(home):
        raise CommandError(
            f"{home.path} holds other files and no shop: choose an empty folder with --home"
        )
    # As root PostgreSQL runs as another user, who must get through to its own folder.
    home.path.chmod(0o711 if os.geteuid() == 0 else 0o700)
    for name in FOLDERS:
        (home.path / name).mkdir(exist_ok=True)
        (home.path / name).chmod(0o700)


def _is_strange(home: Home) -> bool:
    names = {entry.name for entry in home.path.iterdir()}
    return bool(names) and not names & {"lock", "shop.json"}


def lock(home: Home) -> int:
    """Claims the shop for this process until it ends, however it ends; -1 when another has it."""
    claim = os.open(home.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(claim)
        return -1
    return claim


def wait_until_free(home: Home) -> None:
    """Returns when whoever has the shop has let it go: until then its processes still end."""
    claim = os.open(home.path / "lock", os.O_RDWR)
    fcntl.flock(claim, fcntl.LOCK_EX)
    os.close(claim)


def empty(home: Home) -> None:
    """Deletes what a shop made here, and nothing else that may lie beside it."""
    for entry in (home.path / name for name in ENTRIES if name != "lock"):
        if entry.is_symlink():  # the data lie where PostgreSQL's user can reach them
            shutil.rmtree(entry.resolve(), ignore_errors=True)
            entry.unlink()
        elif entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)


def write_private(path: Path, content: bytes) -> None:
    """Replaces a file whole, readable by its owner only; a reader never sees half of it."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    fresh.replace(path)


def read_shop(home: Home) -> dict[str, Any]:
    """What shop.json tells; empty before the first start."""
    if not home.shop_json.exists():
        return {}
    shop: dict[str, Any] = msgspec.json.decode(home.shop_json.read_bytes())
    return shop


def write_shop(home: Home, shop: dict[str, Any]) -> None:
    write_private(home.shop_json, msgspec.json.format(msgspec.json.encode(shop), indent=2) + b"\n")


def passwords(home: Home, server: str, names: Iterable[str]) -> dict[str, str]:
    """A password at that server for each name, made once and kept."""
    path = home.path / "secrets.json"
    kept: dict[str, dict[str, str]] = (
        msgspec.json.decode(path.read_bytes()) if path.exists() else {}
    )
    there = kept.setdefault(server, {})
    missing = [name for name in names if name not in there]
    there |= {name: secrets.token_urlsafe(24) for name in missing}
    if missing:
        write_private(path, msgspec.json.encode(kept))
    return {name: there[name] for name in names}
