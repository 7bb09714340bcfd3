"""How a `roadbike` command has to be typed here, for messages that recommend one."""

import shlex
import shutil
import sys
from pathlib import Path

from roadbike.local.home import Home


def command_line(arguments: str, home: Home | None = None) -> str:
    """Return the command with these arguments, and with --home unless it is the default home."""
    return f"{_program()} {arguments}{_home_option(home) if home else ''}"


def _program() -> str:
    """Return `roadbike` if the shell finds this program by that name, else its path."""
    called = Path(sys.argv[0]).absolute()
    found = shutil.which("roadbike")
    if found and Path(found).absolute() == called:
        return "roadbike"
    if called.name == "__main__.py":
        called = Path(sys.executable).with_name("roadbike")
    return str(called.relative_to(Path.cwd()) if called.is_relative_to(Path.cwd()) else called)


def _home_option(home: Home) -> str:
    is_default = home.path == Path.cwd() / ".roadbike"
    return "" if is_default else f" --home {shlex.quote(str(home.path))}"
