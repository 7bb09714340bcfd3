"""Make sure that a program of Debian is there: `python -m tools.debian PROGRAM PACKAGE...`.

As root on Debian it installs the packages when the program is missing; elsewhere it says what to
install and fails.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# another run of apt-get on this machine is waited for
APT_GET: Final = ("/usr/bin/apt-get", "--quiet", "--option", "DPkg::Lock::Timeout=600")


def can_install() -> bool:
    """Return whether this is Debian, and we may install packages."""
    return os.geteuid() == 0 and is_debian()


def is_debian() -> bool:
    """Return whether packages can be downloaded and unpacked."""
    return all(shutil.which(program, path=PATH) for program in ("apt-get", "dpkg-deb"))


def install(*packages: str) -> None:
    """Install the packages. Raises CalledProcessError."""
    run(*APT_GET, "update")
    run(*APT_GET, "install", "--yes", "--no-install-recommends", *packages)


def run(*command: str, folder: Path | None = None) -> None:
    """Run a program of Debian in the folder. Raises CalledProcessError."""
    environ = {**os.environ, "PATH": PATH, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(command, cwd=folder, env=environ, check=True)  # noqa: S603 fixed programs


def main(program: str, *packages: str) -> None:
    """Exit with 1 when the program is missing and cannot be installed."""
    if shutil.which(program, path=PATH):
        return
    if can_install():
        install(*packages)
    if not shutil.which(program, path=PATH):
        sys.exit(f"{program} is missing. Install Debian's {' '.join(packages)}.")


if __name__ == "__main__":
    main(*sys.argv[1:])
