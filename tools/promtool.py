"""Make sure that promtool is there, which checks the alert rules: `python -m tools.promtool`.

It is taken out of Debian's package prometheus into the environment; nothing is installed or
started. Elsewhere it says what to install and fails.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tools.browser import PATH

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
    if not shutil.which("apt-get", path=PATH) or not shutil.which("dpkg-deb", path=PATH):
        sys.exit(MISSING)
    with TemporaryDirectory(prefix="promtool-") as folder:
        if os.geteuid() == 0:
            _run(("/usr/bin/apt-get", "update", "--quiet"), folder)
        _run(("/usr/bin/apt-get", "download", "--quiet", PACKAGE), folder)
        for package in Path(folder).glob("*.deb"):
            _run(("/usr/bin/dpkg-deb", "--extract", package.name, "."), folder)
        shutil.copy2(Path(folder) / "usr/bin/promtool", OWN)
    if not found():
        sys.exit(MISSING)


def _run(command: tuple[str, ...], folder: str) -> None:
    environ = {**os.environ, "PATH": PATH}
    subprocess.run(command, cwd=folder, env=environ, check=True)  # noqa: S603 fixed programs


if __name__ == "__main__":
    main()
