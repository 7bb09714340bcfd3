"""`roadbike up --fresh`: say what is deleted, and ask before it is."""

import sys
from pathlib import Path

from roadbike.kit.pure.texts import search_form
from roadbike.local.errors import CommandError
from roadbike.local.home import SQLITE_FOLDERS, Home, outside
from roadbike.local.texts import say


def confirm(home: Home, *, yes: bool) -> None:
    """Return when the home has no data, or when the person agrees that they are deleted.

    Raises CommandError when they do not, or cannot be asked because there is no terminal.
    """
    if yes or not home.holds_data:
        return
    what = _what(home)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CommandError("fresh-needs-yes", path=home.path, what=what)
    sys.stdout.write(say("fresh-question", path=home.path, what=what) + " ")
    sys.stdout.flush()
    if search_form(sys.stdin.readline()) not in say("yes-letters").split():
        raise CommandError("fresh-refused")


def _what(home: Home) -> str:
    postgres = outside(home) or home.postgres
    databases = _mb(postgres / "data", *(home.path / name for name in SQLITE_FOLDERS))
    return ", ".join(
        [
            say("fresh-databases", size=databases),
            say("fresh-events", size=_mb(home.path / "nats" / "data")),
            say("fresh-keys"),
            say("fresh-logs"),
        ]
    )


def _mb(*folders: Path) -> int:
    """Return the size of the files in the folders in MB, rounded up."""
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return -(-sum(path.lstat().st_blocks * 512 for path in files) // 1024**2)
