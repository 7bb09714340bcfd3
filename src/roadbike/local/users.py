"""The ordinary user as which the parts run when root opens a shop, and what that user may reach."""

import os
import pwd
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from roadbike.kit.process.setting_faults import SettingError, fault
from roadbike.local.texts import say

SETTING: Final = "ROADBIKE_USER"
CHOICES: Final = ("roadbike", "nobody")  # the first that exists
TIMEOUT_SECONDS: Final = 30.0
CAN_READ: Final = (  # run as that user, with paths as arguments
    "import os, sys, msgspec, roadbike; "
    "sys.exit(not all(os.access(path, os.R_OK | os.X_OK) for path in sys.argv[1:]))"
)


@dataclass(frozen=True, slots=True)
class User:
    """A user of this machine and its group."""

    name: str
    uid: int
    gid: int

    @property
    def ids(self) -> tuple[int, int]:
        return self.uid, self.gid


def unprivileged(environ: Mapping[str, str]) -> User | None:
    """Return the user as which root runs the parts; None when we are not root.

    Raises SettingError when the setting names no user, or root.
    """
    if os.geteuid() != 0:
        return None
    chosen = environ.get(SETTING)
    for name in [chosen] if chosen else CHOICES:
        try:
            about = pwd.getpwnam(name)
        except KeyError:
            continue
        if about.pw_uid != 0:
            return User(name, about.pw_uid, about.pw_gid)
    first, second = CHOICES
    name = chosen or say("user-or-user", first=first, second=second)
    raise SettingError(fault("setting-ordinary-user", name=SETTING, value=name))


def obstacle(user: User, home: Path, programs: Iterable[Path]) -> str:
    """Return what keeps that user from running the services; empty when nothing does."""
    if not is_reachable(home, user.ids):
        return say("cannot-enter", user=user.name, folder=home.parent)
    if not _can_read_installation(user, programs):
        return say("cannot-read-installation", user=user.name, folder=sys.prefix)
    return ""


def is_reachable(path: Path, user: tuple[int, int]) -> bool:
    """Return whether that user and group may enter the folder and all folders above it."""
    return all(_may_enter(each, user) for each in (path, *path.parents))


def _may_enter(folder: Path, user: tuple[int, int]) -> bool:
    about = folder.stat()
    if about.st_uid == user[0]:
        return bool(about.st_mode & 0o100)
    return bool(about.st_mode & (0o010 if about.st_gid == user[1] else 0o001))


def _can_read_installation(user: User, programs: Iterable[Path]) -> bool:
    try:
        done = subprocess.run(  # noqa: S603  this same program
            [sys.executable, "-I", "-c", CAN_READ, *programs],
            user=user.uid,
            group=user.gid,
            extra_groups=[],
            env={},
            cwd="/",
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
            start_new_session=True,  # Ctrl-C in the terminal must reach the supervisor only
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
