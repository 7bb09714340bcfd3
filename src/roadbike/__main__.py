"""The command `roadbike`: opens, looks after and closes a shop, or runs one service of it."""

import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from roadbike.environment import ENVIRONMENT
from roadbike.kit.process.settings import SettingError, check_names
from roadbike.local import home as homes
from roadbike.local.errors import CommandError, nearest
from roadbike.local.supervisor import control

app = typer.Typer(
    name="roadbike",
    help="Road Bike Online-Center: an online shop of small event-driven services.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

HomeOption = Annotated[
    Path,
    typer.Option("--home", envvar="ROADBIKE_HOME", help="Folder with the shop's data, keys, logs."),
]
PartArgument = Annotated[
    str, typer.Argument(help="A service (stock, payment, …), or postgres, nats or gateway.")
]
HERE = Path(".roadbike")
HARD_SPACE = "\N{NO-BREAK SPACE}"
FIGURES = """\b
MB         memory; what processes share counts once
unsent     events waiting to be sent to the broker
lag        events sent and not yet consumed
parked     events that failed and wait for a retry
dead       dead letters: retries are over, a person has to look
pending    reservations in progress
unsettled  payments or refunds whose outcome is not known"""


@app.command()
def up(
    *,
    home: HomeOption = HERE,
    port_base: Annotated[
        int, typer.Option(help="Ports are counted from here: the gateway listens on this + 8.")
    ] = 8080,
    fresh: Annotated[bool, typer.Option("--fresh", help="Delete the shop's data first.")] = False,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return when the shop is open; it goes on.")
    ] = False,
) -> None:
    """Open the shop on this machine. Ctrl-C closes it; its data stay."""
    check_names(os.environ, ENVIRONMENT)  # a misspelt setting stops it before anything starts
    opening = import_module("roadbike.local.up.command")
    wish = opening.Wish(home=homes.at(home), base=port_base, fresh=fresh, environ=dict(os.environ))
    (opening.up_detached if detach else opening.up)(wish)


@app.command()
def down(*, home: HomeOption = HERE) -> None:
    """Close the shop that runs in the background; its data stay."""
    control.ask(homes.at(home), "down")
    homes.wait_until_free(homes.at(home))
    typer.echo("The shop is closed.")


@app.command(epilog=FIGURES)
def status(
    *,
    home: HomeOption = HERE,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show every part; the exit code is 0 when all are ready."""
    rows = import_module("roadbike.local.commands.status").collect(homes.at(home))
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
    else:
        console = import_module("roadbike.local.up.progress").console()
        import_module("roadbike.local.commands.status_table").show(rows, console)
    raise typer.Exit(0 if all(row["ready"] for row in rows) else 1)


@app.command()
def logs(
    part: Annotated[str | None, typer.Argument(help="Only this part's log.")] = None,
    *,
    home: HomeOption = HERE,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many lines of each.")] = 20,
) -> None:
    """Show the last log lines."""
    shown = import_module("roadbike.local.commands.logs")
    shown.show(homes.at(home), part, follow=follow, count=lines)


@app.command()
def start(part: PartArgument, *, home: HomeOption = HERE) -> None:
    """Start a part that was stopped; returns when it is ready."""
    _order(home, "start", part)


@app.command()
def stop(part: PartArgument, *, home: HomeOption = HERE) -> None:
    """Let a part finish what it is doing and stop; it stays down until it is started."""
    _order(home, "stop", part)


@app.command()
def restart(part: PartArgument, *, home: HomeOption = HERE) -> None:
    """Stop a part and start it anew; returns when it is ready."""
    _order(home, "restart", part)


@app.command()
def kill(part: PartArgument, *, home: HomeOption = HERE) -> None:
    """Kill a part with kill -9, as a fault would; the supervisor starts it again."""
    pid = control.ask(homes.at(home), "kill", part)
    typer.echo(f"{part}: killed (pid {pid})")


@app.command()
def serve(service: Annotated[str, typer.Argument(help="stock, reservation, …")]) -> None:
    """Run one service in this process, with its settings from the environment (ROADBIKE_…)."""
    server = import_module("roadbike.serve")
    server.serve(f"{_package(service)}.app", os.environ)


@app.command()
def migrate(
    service: Annotated[str | None, typer.Argument(help="Only this one; default all.")] = None,
    *,
    home: HomeOption = HERE,
) -> None:
    """Bring databases up to date: ROADBIKE_DATABASE_URL's, or those of the shop in --home."""
    for name, url in _databases(service, home).items():
        import_module("roadbike.kit.db.migrate").upgrade(_package(name), url)
        typer.echo(f"{name}: up to date")


@app.command()
def token(
    user: Annotated[str, typer.Argument(help="A demo log-in: buyer, buyer2 or admin.")],
    *,
    home: HomeOption = HERE,
) -> None:
    """Log a demo user in and print the access token, and nothing else."""
    typer.echo(import_module("roadbike.local.commands.token").log_in(homes.at(home), user))


@app.command()
def demo(
    *,
    home: HomeOption = HERE,
    stopper: Annotated[
        str | None, typer.Option(help="Command that takes {service} down; default: this shop's.")
    ] = None,
    starter: Annotated[
        str | None, typer.Option(help="Command that brings {service} back; default: this shop's.")
    ] = None,
) -> None:
    """Play every requirement on the open shop; the exit code is 0 when all hold."""
    played = import_module("roadbike.ops.demo")
    raise typer.Exit(1 if played.run(homes.at(home), stopper, starter) else 0)


@app.command()
def rebuild(
    service: Annotated[str, typer.Argument(help="What to rebuild: mypage.")] = "mypage",
    *,
    home: HomeOption = HERE,
) -> None:
    """Fold my page anew from the events it kept; the shop may stay open meanwhile."""
    if service != "mypage":
        raise CommandError(f"{service} is not folded from events: only mypage can be rebuilt")
    url = _databases(service, home)[service]
    count = import_module("roadbike.ops.rebuild").run(url)
    typer.echo(f"{service}: {count} purchases folded anew")


def _order(home: Path, what: str, part: str) -> None:
    control.ask(homes.at(home), what, part)
    typer.echo(f"{part}: {'stopped' if what == 'stop' else 'ready'}")


def _package(service: str) -> str:
    specs = {spec.name: spec for spec in import_module("roadbike.local.services").SERVICES}
    if service not in specs:
        meant = nearest(service, specs)
        raise CommandError(
            f"there is no service {service}: the services are {', '.join(specs)}{meant}"
        )
    package: str = specs[service].package
    return package


def _databases(service: str | None, home: Path) -> dict[str, str]:
    named = import_module("roadbike.local.shop_file")
    found: dict[str, str] = named.databases(homes.at(home), service, os.environ)
    return found


def main() -> int:
    return told(app)


def told(run: Callable[[], object]) -> int:
    """The exit code; trouble is told in one line, not in a traceback."""
    try:
        run()
    except CommandError as trouble:
        for line in trouble.details:
            typer.echo(f"  {line}", err=True)
        _say(f"roadbike: {trouble}")
        return trouble.code
    except (SettingError, OSError) as problem:
        _say(f"roadbike: {problem}")
        return 1
    return 0


def _say(sentence: str) -> None:
    """Broken between words where a terminal would break within them; a command stays whole."""
    if sys.stderr.isatty():
        whole = re.sub("`[^`]*`", lambda command: command[0].replace(" ", HARD_SPACE), sentence)
        width = shutil.get_terminal_size().columns
        lines = textwrap.wrap(whole, width, break_long_words=False, break_on_hyphens=False)
        sentence = "\n".join(lines).replace(HARD_SPACE, " ")
    typer.echo(sentence, err=True)


if __name__ == "__main__":
    sys.exit(main())
