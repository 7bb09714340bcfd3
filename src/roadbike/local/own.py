"""What in a shop's folder is our own: files and folders are made private, those of others refused.

Root may read, write and hand over everything, so a link or a folder that another user has put in
its place is dangerous. Every file and folder of the shop is opened, made and changed here.
"""

import os
import pwd
import secrets
import stat
from pathlib import Path
from typing import BinaryIO, Final

from roadbike.local.errors import CommandError
from roadbike.local.texts import say

PRIVATE: Final = 0o077  # the umask of every process of the shop


def check(path: Path) -> None:
    """Raise CommandError when the file or folder is a symbolic link or belongs to another user."""
    _check(path, path.lstat())


def folder(path: Path, mode: int = 0o700) -> None:
    """Make the folder, or take the one that is there, and set its mode. Raises as `check`."""
    try:
        path.mkdir(0o700)
    except FileExistsError:
        check(path)
    opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        _check(path, os.fstat(opened))
        os.fchmod(opened, mode)
    finally:
        os.close(opened)


def read(path: Path) -> bytes:
    """Return the content. Raises as `check`, and FileNotFoundError when there is no such file."""
    check(path)
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        _check(path, os.fstat(file.fileno()))
        return file.read()


def write(path: Path, content: bytes) -> None:
    """Replace the file atomically; only its owner can read it. A link is replaced, not followed."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(new, flags, 0o600), "wb") as file:
            file.write(content)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def append(path: Path) -> BinaryIO:
    """Open the file for appending; a new one is readable by its owner only. Raises as `check`."""
    return os.fdopen(_open(path, os.O_WRONLY | os.O_APPEND), "ab")


def opened(path: Path) -> BinaryIO:
    """Open the file for reading and changing. Raises as `check`."""
    return os.fdopen(_open(path, os.O_RDWR), "r+b")


def lockable(path: Path) -> int:
    """Open the file, which is made if it is missing, and return its descriptor."""
    return _open(path, os.O_RDWR)


def share(path: Path, group: int | None) -> None:
    """Let that group read the file, or only its owner. Raises as `check`."""
    opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        _check(path, os.fstat(opened))
        os.fchown(opened, -1, os.getegid() if group is None else group)
        os.fchmod(opened, 0o600 if group is None else 0o640)
    finally:
        os.close(opened)


def hand_over(path: Path, user: tuple[int, int]) -> None:
    """Give the folder and what is in it to that user and group, if it is not theirs already.

    Raises CommandError when it contains a link of any kind: its target would change its owner.
    """
    if path.lstat().st_uid == user[0]:
        return
    os.chown(path, os.geteuid(), os.getegid(), follow_symlinks=False)
    folder(path)  # from here on nobody else can change what is in it
    inside = [Path(parent) / name for parent, dirs, files in os.walk(path) for name in dirs + files]
    for each in inside:
        about = each.lstat()
        if not stat.S_ISDIR(about.st_mode) and (
            not stat.S_ISREG(about.st_mode) or about.st_nlink > 1
        ):
            raise CommandError("is-link-or-not-file", path=each)
    for each in [*inside, path]:
        os.chown(each, *user, follow_symlinks=False)


def _open(path: Path, flags: int) -> int:
    opened = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        _check(path, os.fstat(opened))
    except CommandError:
        os.close(opened)
        raise
    return opened


def _check(path: Path, about: os.stat_result) -> None:
    if stat.S_ISLNK(about.st_mode):
        raise CommandError("is-link", path=path)
    if about.st_uid != os.geteuid():
        owner, us = user_name(about.st_uid), user_name(os.geteuid())
        raise CommandError("belongs-to-another", path=path, owner=owner, us=us)


def user_name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return say("user-by-number", number=user)
