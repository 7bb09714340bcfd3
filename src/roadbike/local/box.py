"""The one box that ends `roadbike up`: where the shop is, who may log in, what to try next."""

import shutil
import sys
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from roadbike.local.home import Home, read_shop

FIRST_ORDER: Final = """-H "Authorization: Bearer $TOKEN" --json '{"bikeId": 1}'"""


def show(home: Home, to: Console) -> None:
    to.print(
        Panel.fit(Text("\n".join(_lines(home))), title="Road Bike Online-Center", padding=(1, 2))
    )


def _lines(home: Home) -> list[str]:
    shop = read_shop(home)
    gateway = shop["addresses"]["gateway"]
    command, where = _command(), _home_option(home)
    return [
        f"The shop is open at {gateway}",
        "",
        *(f"{name:<12} 127.0.0.1:{port}" for name, port in shop["ports"].items()),
        "",
        *(f"log in as {user:<7} with password {word}" for user, word in shop["logins"].items()),
        f"data, keys and logs are in {home.path}",
        "",
        "Try next:",
        f"  curl {gateway}/stocks",
        f"  TOKEN=$({command} token buyer{where})",
        f"  curl {gateway}/reservations {FIRST_ORDER}",
        f"  {command} status{where}",
        f"  {command} down{where}",
    ]


def _command() -> str:
    """The command as it can be typed here: by its name alone only if that finds this one."""
    called = Path(sys.argv[0]).absolute()
    found = shutil.which("roadbike")
    if found and Path(found).absolute() == called:
        return "roadbike"
    if called.name == "__main__.py":
        called = Path(sys.executable).with_name("roadbike")
    return str(called.relative_to(Path.cwd()) if called.is_relative_to(Path.cwd()) else called)


def _home_option(home: Home) -> str:
    return "" if home.path == Path.cwd() / ".roadbike" else f" --home {home.path}"
