"""The arguments and options of `roadbike dead-letters`."""

import getpass
import json
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from roadbike.local import home as homes
from roadbike.local.cli import Command, Group
from roadbike.local.commands.options import DEFAULT_HOME, HomeOption
from roadbike.local.errors import CommandError
from roadbike.local.texts import say

app = typer.Typer(name="dead-letters", cls=Group, no_args_is_help=True, rich_markup_mode=None)

ServiceArgument = Annotated[str | None, typer.Argument()]
IdsArgument = Annotated[list[int] | None, typer.Argument()]
JsonOption = Annotated[bool, typer.Option("--json")]
AllOption = Annotated[bool, typer.Option("--all")]
ByOption = Annotated[str | None, typer.Option("--by")]


@app.command("list", cls=Command)
def list_(
    service: ServiceArgument = None,
    *,
    home: HomeOption = DEFAULT_HOME,
    everything: AllOption = False,
    as_json: JsonOption = False,
) -> None:
    """List the dead letters, and the events whose retries have failed for two minutes."""
    import msgspec

    from roadbike.local.commands import dead_letters
    from roadbike.local.terminal import console

    rows, faults = dead_letters.desk(homes.at(home)).listed(service, everything=everything)
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(rows), indent=2, ensure_ascii=False))
    elif rows:
        dead_letters.show_list(rows, console())
    elif not faults:
        typer.echo(say("no-dead-letters"))
    if faults:
        raise CommandError("dead-letters-in-part", faults="; ".join(faults))


@app.command(cls=Command)
def show(
    service: Annotated[str, typer.Argument()],
    letter: Annotated[int, typer.Argument()],
    *,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Show one dead letter with its error and the data of its event."""
    import msgspec

    from roadbike.local.commands import dead_letters
    from roadbike.local.terminal import console

    row = dead_letters.desk(homes.at(home)).one(service, letter)
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(row), indent=2, ensure_ascii=False))
    else:
        dead_letters.show_one(row, console())


@app.command(cls=Command)
def retry(
    service: ServiceArgument = None,
    ids: IdsArgument = None,
    *,
    every: AllOption = False,
    by: ByOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Retry dead letters now."""
    from roadbike.local.commands import dead_letters

    _check(service, ids, every=every)
    desk = dead_letters.desk(homes.at(home))
    _report(desk.retry(service, ids or [], by or getpass.getuser()), "dead-letters-retried")


@app.command(cls=Command)
def dismiss(
    service: ServiceArgument = None,
    ids: IdsArgument = None,
    *,
    why: Annotated[str, typer.Option("--why")],
    every: AllOption = False,
    by: ByOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Never process these dead letters."""
    from roadbike.local.commands import dead_letters

    _check(service, ids, every=every)
    desk = dead_letters.desk(homes.at(home))
    changed = desk.dismiss(service, ids or [], by or getpass.getuser(), why)
    _report(changed, "dead-letters-dismissed")


def _check(service: str | None, ids: list[int] | None, *, every: bool) -> None:
    if bool(ids) == every or (ids and service is None):
        raise CommandError("dead-letters-unnamed")


def _report(changed: Mapping[str, Sequence[int]], slug: str) -> None:
    """Print one line for each service that had such letters."""
    some = {service: ids for service, ids in changed.items() if ids}
    for service, ids in some.items():
        typer.echo(say(slug, service=service, ids=", ".join(map(str, ids))))
    if not some:
        typer.echo(say("no-dead-letters"))
