"""A shop that is opened for one purpose, on free ports, and deleted afterwards."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from rich.console import Console

from roadbike.local import home as homes
from roadbike.local import ports, services
from roadbike.local.errors import CommandError
from roadbike.local.home import Home
from roadbike.local.ports import Ports
from roadbike.local.supervisor import control
from roadbike.local.terminal import console
from roadbike.local.texts import say
from roadbike.local.up import command
from roadbike.local.up.options import Options

ENTERED: Final = 0o711  # the folder can be entered by the user that root runs the services as


@contextmanager
def own_shop(
    environ: Mapping[str, str],
    purpose: str,
    replicas: Mapping[str, int] = services.ONCE,
    *,
    to: Console | None = None,
) -> Iterator[Home]:
    """Open a shop in a new folder for the block; close and delete it after that.

    purpose: "demo", "bench" or "drill", for the name of the folder and what is printed.
    replicas: how many processes each service has that does not have one. to: where it prints.
    Raises CommandError when it cannot be opened.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"roadbike-{purpose}-"))
    folder.chmod(ENTERED)
    home = homes.at(folder / "home")
    try:
        to = to or console()
        to.print(say(f"{purpose}-opening", home=home.path), highlight=False, soft_wrap=True)
        free = _free_ports(replicas)
        options = Options(home=home, ports=free, environ=environ, replicas=replicas)
        command.open_in_background(options, to)
        yield home
    finally:
        _delete(home)
        shutil.rmtree(folder)


def _free_ports(replicas: Mapping[str, int]) -> Ports:
    wanted = services.all_ports(Ports(0), counts=replicas)
    base = ports.free_base(ports.DEFAULT_BASE, wanted)
    if base is None:
        raise CommandError("no-free-ports")
    return Ports(base)


def _delete(home: Home) -> None:
    if home.path.exists():
        with suppress(CommandError):  # it was not opened, or has ended
            control.ask(home, "down")
        homes.wait_until_unlocked(home)
        homes.empty(home)
