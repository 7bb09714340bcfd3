"""The command lines of `roadbike demo` and `roadbike bench`."""

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from roadbike.local import home as homes


def demo(
    *,
    home: Annotated[Path | None, typer.Option("--home", envvar="ROADBIKE_HOME")] = None,
    stopper: Annotated[str | None, typer.Option()] = None,
    starter: Annotated[str | None, typer.Option()] = None,
) -> None:
    """Check each requirement on a shop of its own, or on the open one of --home.

    The exit code is 0 when all passed.
    """
    from roadbike.ops.demo import check_requirements
    from roadbike.ops.own_shop import own_shop

    with nullcontext(homes.at(home)) if home else own_shop(os.environ, "demo") as shop:
        failed = check_requirements(shop, stopper, starter)
    raise typer.Exit(1 if failed else 0)


def bench(
    *,
    quick: Annotated[bool, typer.Option("--quick")] = False,
    out: Annotated[Path, typer.Option("--out")] = Path("build/bench"),
    beside: Annotated[Path | None, typer.Option("--beside")] = None,
) -> None:
    """Measure how fast a shop of its own is, beside the usual way of writing the same path."""
    from roadbike.ops.bench import command

    raise typer.Exit(command.bench(quick=quick, out=out, beside=beside))
