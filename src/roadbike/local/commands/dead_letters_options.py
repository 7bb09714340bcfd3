"""The arguments and options of `roadbike dead-letters`."""

import getpass
import json
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from roadbike.local import home as homes
from roadbike.local.commands.options import DEFAULT_HOME, HomeOption
from roadbike.local.errors import CommandError

app = typer.Typer(
    name="dead-letters",
    help="See, retry and dismiss events that a service could not process.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

ServiceArgument = Annotated[str | None, typer.Argument(help="A service (stock, payment, …).")]
IdsArgument = Annotated[list[int] | None, typer.Argument(help="Ids, as `list` shows them.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
AllOption = Annotated[
    bool, typer.Option("--all", help="All that need a person, of the service or of every one.")
]
ByOption = Annotated[
    str | None, typer.Option("--by", help="Who decides this; default: your user name.")
]


@app.command("list")
def list_(
    service: ServiceArgument = None,
    *,
    home: HomeOption = DEFAULT_HOME,
    everything: Annotated[
        bool,
        typer.Option("--all", help="Also events that wait for a retry, and dismissed letters."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the dead letters, and the events whose retries have failed for two minutes.

    The exit code is 1 when a service did not answer.
    """
    import msgspec

    from roadbike.local.commands import dead_letters
    from roadbike.local.terminal import console

    rows, faults = dead_letters.desk(homes.at(home)).listed(service, everything=everything)
    if as_json:
        typer.echo(json.dumps(msgspec.to_builtins(rows), indent=2, ensure_ascii=False))
    elif rows:
        dead_letters.show_list(rows, console())
    elif not faults:
        typer.echo("There are no dead letters.")
    if faults:
        raise CommandError("; ".join(faults))


@app.command()
def show(
    service: Annotated[str, typer.Argument(help="The service that has it.")],
    letter: Annotated[int, typer.Argument(help="Its id, as `list` shows it.")],
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


@app.command()
def retry(
    service: ServiceArgument = None,
    ids: IdsArgument = None,
    *,
    every: AllOption = False,
    by: ByOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Retry dead letters now. Do this when the fault is mended."""
    from roadbike.local.commands import dead_letters

    _check(service, ids, every=every)
    desk = dead_letters.desk(homes.at(home))
    _report(desk.retry(service, ids or [], by or getpass.getuser()), "retried")


@app.command()
def dismiss(
    service: ServiceArgument = None,
    ids: IdsArgument = None,
    *,
    why: Annotated[str, typer.Option("--why", help="The reason; it is kept with the letters.")],
    every: AllOption = False,
    by: ByOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Never process these dead letters. They are kept, with who decided so and why."""
    from roadbike.local.commands import dead_letters

    _check(service, ids, every=every)
    desk = dead_letters.desk(homes.at(home))
    _report(desk.dismiss(service, ids or [], by or getpass.getuser(), why), "dismissed")


def _check(service: str | None, ids: list[int] | None, *, every: bool) -> None:
    if bool(ids) == every:
        raise CommandError("name a service and the ids of its letters, or give --all")
    if ids and service is None:
        raise CommandError("name the service that has these letters")


def _report(changed: Mapping[str, Sequence[int]], done: str) -> None:
    """Print one line for each service that had such letters."""
    some = {service: ids for service, ids in changed.items() if ids}
    for service, ids in some.items():
        typer.echo(f"{service}: {', '.join(map(str, ids))} {done}")
    if not some:
        typer.echo("There are no dead letters.")
