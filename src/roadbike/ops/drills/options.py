"""The command line of `roadbike drill`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from roadbike.local import home as homes
from roadbike.local.errors import CommandError
from roadbike.local.home import Home

if TYPE_CHECKING:  # imported when the command runs: they take time
    from roadbike.ops.drills.shop import Elsewhere


def drill(  # noqa: PLR0913 each is an option
    names: Annotated[list[str] | None, typer.Argument()] = None,
    *,
    small: Annotated[bool, typer.Option("--small")] = False,
    strict: Annotated[bool, typer.Option("--strict")] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
    home: Annotated[Path | None, typer.Option("--home")] = None,
    gateway: Annotated[str | None, typer.Option()] = None,
    token_file: Annotated[Path | None, typer.Option("--token-file")] = None,
    stopper: Annotated[str | None, typer.Option()] = None,
    starter: Annotated[str | None, typer.Option()] = None,
    restarter: Annotated[str | None, typer.Option()] = None,
    setter: Annotated[str | None, typer.Option()] = None,
    replicas: Annotated[int, typer.Option(min=1)] = 2,
) -> None:
    """Cause faults or load in a shop, and check that it holds what it promises."""
    from roadbike.kit import logs
    from roadbike.local.terminal import console
    from roadbike.ops.drills import command
    from roadbike.ops.drills.drill import Size

    if not names:
        command.show_list(console())
        return
    drills = command.drills_named(names)
    described = homes.at(home) if home is not None else None
    commands = (stopper, starter, restarter, setter)
    place = _elsewhere(gateway, token_file, described, commands, replicas) or described
    size = Size(small=small, strict=strict)
    logs.configure("drill", "error")  # standard output is for the report
    raise typer.Exit(command.play_all(drills, place, size, as_json=as_json))


def _elsewhere(
    gateway: str | None,
    token_file: Path | None,
    home: Home | None,
    commands: tuple[str | None, ...],
    replicas: int,
) -> "Elsewhere | None":
    from roadbike.ops.drills.shop import Elsewhere

    stopper, starter, restarter, setter = commands
    if gateway is None and token_file is None and not any(commands):
        return None
    if bool(gateway) != bool(token_file) or bool(gateway) == bool(home):
        raise CommandError("drill-where", code=2)
    return Elsewhere(
        gateway=(gateway or "").rstrip("/"),
        token_file=token_file,
        home=home,
        setter=setter,
        stopper=stopper,
        starter=starter,
        restarter=restarter,
        replicas=replicas,
    )
