"""A9: as root, a symbolic link of another user lies where PostgreSQL's data of a shop will be, and
a home with known passwords belongs to another user; measured are the owner of the link's target
and the password that is used; the fault is a folder that changes its owner, or a foreign home
that is taken.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from roadbike.local import home as homes
from roadbike.local.errors import CommandError
from roadbike.local.servers import postgres
from tests.faults.outcome import CannotTry, Outcome, run, say

NOBODY: Final = 65534
KNOWN: Final = {"nats": {"stock": "known"}, "postgres": {"postgres": "known"}}


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    if os.geteuid():
        raise CannotTry("it needs root: only root can change the owner of a folder")
    given, taken = folder_is_handed_over(), home_is_taken()
    effects = [
        *(["root's folder was given to nobody through a symbolic link"] if given else []),
        *(["a planted home with known passwords is taken"] if taken else []),
    ]
    return Outcome(bool(effects), "; ".join(effects) or "both are refused")


def folder_is_handed_over() -> bool:
    with folder("roadbike-private-") as private, folder("roadbike-victim-") as victim:
        home = homes.at(private / "shop")
        home.path.mkdir()
        trap = planted_link(home.path, victim)
        before = victim.stat().st_uid
        try:
            postgres.find(home, os.environ)
        except (CommandError, OSError) as refusal:
            say(f"refused: {refusal}")
        finally:
            _remove(trap)
            homes.empty(home)  # its data may be outside of it
        say(f"owner of the link's target: uid {before}, then uid {victim.stat().st_uid}")
        return victim.stat().st_uid != before


def planted_link(home: Path, victim: Path) -> Path:
    """Link the folder that PostgreSQL will use to the victim, as any user can."""
    name = hashlib.sha256(bytes(home)).hexdigest()[:16]
    trap = Path(tempfile.gettempdir()) / f"roadbike-{name}"
    trap.symlink_to(victim)
    os.chown(trap, NOBODY, NOBODY, follow_symlinks=False)
    return trap


def home_is_taken() -> bool:
    with folder("roadbike-planted-") as planted:
        (planted / "lock").touch()
        (planted / "secrets.json").write_text(json.dumps(KNOWN))
        (planted / "secrets.json").chmod(0o666)
        for path in (planted / "secrets.json", planted / "lock", planted):
            os.chown(path, NOBODY, NOBODY)
        home = homes.at(planted)
        try:
            homes.open_home(home)
            used = homes.passwords(home, "postgres", ["postgres"])["postgres"]
        except (CommandError, OSError) as refusal:
            say(f"refused: {refusal}")
            return False
        say(f"a home of uid {planted.stat().st_uid} is taken; the superuser's password: {used}")
        return used == "known"


@contextmanager
def folder(prefix: str) -> Iterator[Path]:
    """A private folder of root in the system's folder for temporary files."""
    path = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield path
    finally:
        shutil.rmtree(path)


def _remove(path: Path) -> None:
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


if __name__ == "__main__":
    raise SystemExit(main())
