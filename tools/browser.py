"""Make sure that the tests of the pages find a browser: `python -m tools.browser`.

As root on Debian it installs what is missing; elsewhere it says what to install and fails.
"""

import os
import shutil
import sys
from typing import Final

from tools import debian

PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")
VARIABLE: Final = "ROADBIKE_TEST_CHROMIUM"
PACKAGES: Final = ("chromium", "fonts-noto-cjk")
MISSING: Final = (
    "The tests of the pages need Chromium. Install Debian's packages chromium and fonts-noto-cjk, "
    f"or name a program in {VARIABLE}."
)


def found() -> str | None:
    """Return the browser: the one that the variable names, else the first one in PATH."""
    return os.environ.get(VARIABLE) or next(filter(None, map(shutil.which, PROGRAMS)), None)


def main() -> None:
    """Exit with 1 when there is no browser and it cannot be installed."""
    if found():
        return
    if debian.can_install():
        debian.install(*PACKAGES)
    if not found():
        sys.exit(MISSING)


if __name__ == "__main__":
    main()
