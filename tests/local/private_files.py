"""The modes of all files and folders in a home."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path


def everything_in(home: Path) -> Iterator[tuple[str, os.stat_result]]:
    for parent, folders, files in os.walk(home):
        for name in (*folders, *files):
            path = Path(parent) / name
            yield str(path.relative_to(home)), path.lstat()


def is_private(about: os.stat_result) -> bool:
    """Whether it is closed to others. As root, a folder may be entered, and one group may read."""
    mode, is_folder = stat.S_IMODE(about.st_mode), stat.S_ISDIR(about.st_mode)
    if mode in ({0o700} if is_folder else {0o600}):
        return True
    return os.geteuid() == 0 and mode == (0o711 if is_folder else 0o640)
