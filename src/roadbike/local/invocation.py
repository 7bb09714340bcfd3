"""The command as it can be typed here, for whoever is told to type it."""

import shlex
import shutil
import sys
from pathlib import Path

from roadbike.local.home import Home


def command_line(what: str, home: Home | None = None) -> str:
    """With --home, unless the home is the one that is taken without."""
    return f"{_command()} {what}{_option(home) if home else ''}"


def _command() -> str:
    """By its name alone only if that finds this one."""
    called = Path(sys.argv[0]).absolute()
    found = shutil.which("roadbike")
    if found and Path(found).absolute() == called:
        return "roadbike"
    if called.name == "__main__.py":
        called = Path(sys.executable).with_name("roadbike")
    return str(called.relative_to(Path.cwd()) if called.is_relative_to(Path.cwd()) else called)


def _option(home: Home) -> str:
    is_usual = home.path == Path.cwd() / ".roadbike"
    return "" if is_usual else f" --home {shlex.quote(str(home.path))}"
