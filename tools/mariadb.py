"""Make sure that the tests find a MariaDB server: `python -m tools.mariadb`.

As root on Debian it installs the program alone, without a system service; elsewhere it says what
to install and fails.
"""

import shutil
import sys
from pathlib import Path
from typing import Final

from tools import debian

PROGRAM: Final = "mariadbd"
PACKAGE: Final = "mariadb-server-core"
SCRIPTS: Final = tuple(map(Path, ("/usr/share/mysql", "/usr/share/mariadb")))
TABLES: Final = "mysql_system_tables.sql"
MISSING: Final = (
    "The tests of MariaDB need its server. Install Debian's package mariadb-server-core "
    f"(version 10.6 or later), or put the program {PROGRAM} into your PATH."
)


def found() -> str | None:
    """Return the path of the server; None when there is none."""
    return shutil.which(PROGRAM) or shutil.which(PROGRAM, path=debian.PATH)


def scripts() -> Path | None:
    """Return the folder of the statements that make the server's own tables, if it is there."""
    return next((folder for folder in SCRIPTS if (folder / TABLES).exists()), None)


def main() -> None:
    """Exit with 1 when there is no server and it cannot be installed."""
    if found() and scripts():
        return
    if debian.can_install():
        debian.install(PACKAGE)
    if not found() or not scripts():
        sys.exit(MISSING)


if __name__ == "__main__":
    main()
