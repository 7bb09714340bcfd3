"""Make sure that promtool is there, which checks the alert rules: `python -m tools.promtool`.

It is taken out of Debian's package prometheus into the environment; nothing is installed or
started. Elsewhere it says what to install and fails.
"""

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tools import debian

OWN: Final = Path(sys.executable).with_name("promtool")
PACKAGE: Final = "prometheus"
MISSING: Final = (
    "The alert rules are checked with promtool. Install Debian's package prometheus, or put the "
    "program into your PATH."
)


def found() -> str | None:
    """Return the program: the one in PATH, else our own."""
    return shutil.which("promtool") or (str(OWN) if OWN.exists() else None)


def main() -> None:
    """Exit with 1 when there is no promtool and it cannot be fetched."""
    if found():
        return
    if not debian.is_debian():
        sys.exit(MISSING)
    with TemporaryDirectory(prefix="promtool-") as name:
        folder = Path(name)
        if debian.can_install():
            debian.run(*debian.APT_GET, "update")
        debian.run(*debian.APT_GET, "download", PACKAGE, folder=folder)
        for package in folder.glob("*.deb"):
            debian.run("/usr/bin/dpkg-deb", "--extract", package.name, ".", folder=folder)
        shutil.copy2(folder / "usr/bin/promtool", OWN)
    if not found():
        sys.exit(MISSING)


if __name__ == "__main__":
    main()
