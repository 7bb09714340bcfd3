"""How a `roadbike` command has to be typed here, for messages that recommend one."""

import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from roadbike.local.home import Home


def command_line(arguments: str, home: Home | None = None) -> str:
    """Return the command with these arguments, and with --home unless it is the default home."""
    return f"{_program()} {arguments}{_home_option(home) if home else ''}"


def up_line(environ: Mapping[str, str], options: str, home: Home) -> str:
    """Return the command that opens the shop with these options: by make, if make was used."""
    if not environ.get("MAKELEVEL"):
        return command_line(f"up {options}", home)
    return f'make up ARGS="{options}{_home_option(home)}"'


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
