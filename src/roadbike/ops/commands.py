"""The commands that look at the whole shop: what each is given, and what it runs.

What the commands and their options are for stands in local/texts/help.toml.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from roadbike.local import home as homes
from roadbike.local.cli import Command
from roadbike.local.commands.options import DEFAULT_HOME, HomeOption
from roadbike.local.errors import CommandError
from roadbike.local.texts import say
from roadbike.ops.drills.options import drill

app = typer.Typer()  # without a name: its commands are those of `roadbike` itself


@app.command(cls=Command)
def demo(
    *,
    home: Annotated[Path | None, typer.Option("--home", envvar="ROADBIKE_HOME")] = None,
    stopper: Annotated[str | None, typer.Option()] = None,
    starter: Annotated[str | None, typer.Option()] = None,
    journal: Annotated[Path | None, typer.Option("--journal")] = None,
) -> None:
    """Check each requirement on a shop of its own, which is audited then, or on that of --home.

    The exit code is 0 when all passed.
    """
    from roadbike.ops.audit import command
    from roadbike.ops.demo import check_requirements
    from roadbike.ops.own_shop import own_shop

    if home:
        failed = check_requirements(homes.at(home), stopper, starter, journal)
        raise typer.Exit(1 if failed else 0)
    with own_shop(os.environ, "demo") as shop:
        notes = journal or shop.path.parent / "journal.jsonl"
        failed = check_requirements(shop, stopper, starter, notes)
        wrong = command.run(shop, after_quiescence=True, journals=[notes])
    raise typer.Exit(1 if failed or wrong else 0)


@app.command(cls=Command)
def audit(
    *,
    home: HomeOption = DEFAULT_HOME,
    after_quiescence: Annotated[bool, typer.Option("--after-quiescence")] = False,
    within: Annotated[float, typer.Option("--within", min=0)] = 60.0,
    journals: Annotated[list[Path] | None, typer.Option("--journal")] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
    fix: Annotated[bool, typer.Option("--fix")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y")] = False,
) -> None:
    """Check on all databases and the broker of the open shop that its invariants hold.

    The exit code is 0 when they hold, 1 when one does not, 2 when they could not be checked.
    """
    from roadbike.ops.audit import command

    if fix:
        code = command.fix(homes.at(home), within=within, journals=journals or (), yes=yes)
        raise typer.Exit(code)
    code = command.run(
        homes.at(home),
        after_quiescence=after_quiescence,
        within=within,
        journals=journals or (),
        as_json=as_json,
    )
    raise typer.Exit(code)


app.command(cls=Command)(drill)


@app.command(cls=Command)
def bench(
    *,
    quick: Annotated[bool, typer.Option("--quick")] = False,
    out: Annotated[Path, typer.Option("--out")] = Path("build/bench"),
    beside: Annotated[Path | None, typer.Option("--beside")] = None,
) -> None:
    """Measure how fast a shop of its own is, beside the usual way of writing the same path."""
    from roadbike.ops.bench import command

    raise typer.Exit(command.bench(quick=quick, out=out, beside=beside))


@app.command(cls=Command)
def rebuild(
    service: Annotated[str, typer.Argument()] = "mypage",
    *,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Rebuild the My Page read model from stored events. The shop can stay open."""
    from roadbike.local.commands.databases import in_use
    from roadbike.local.shop_file import databases
    from roadbike.ops.rebuild import rebuild_my_page

    if service != "mypage":
        raise CommandError("not-a-read-model", service=service)
    url = databases(homes.at(home), service, os.environ)[service]
    with in_use(service, url):
        count = rebuild_my_page(url)
    typer.echo(say("purchases-rebuilt", service=service, count=count))


@app.command(cls=Command)
def republish(
    service: Annotated[str, typer.Argument()],
    *,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Publish the last event of everything that a service has again, for readers without it."""
    from roadbike.local.commands.databases import in_use
    from roadbike.local.shop_file import databases
    from roadbike.ops.republish import republish_all

    url = databases(homes.at(home), service, os.environ)[service]
    with in_use(service, url):
        count = republish_all(url, service)
    typer.echo(say("events-republished", service=service, count=count))
