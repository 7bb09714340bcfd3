"""The command `roadbike`: open, look after and close a shop, or run one service of it."""

import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from roadbike.kit.process.settings import SettingError, check_names
from roadbike.local import home as homes
from roadbike.local.commands import dead_letters_options
from roadbike.local.commands.options import DEFAULT_HOME, HomeOption
from roadbike.local.errors import CommandError, did_you_mean
from roadbike.local.supervisor import control
from roadbike.local.supervisor.control import Verb

app = typer.Typer(
    name="roadbike",
    help="Road Bike Online-Center: an online shop of small event-driven services.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(dead_letters_options.app)

PartArgument = Annotated[
    str, typer.Argument(help="A service (stock, payment, …), or postgres, nats or gateway.")
]
HARD_SPACE = "\N{NO-BREAK SPACE}"
STATUS_LEGEND = """\b
MB         memory; memory that processes share is counted once
unsent     events waiting to be sent to the broker
lag        events of other services not yet consumed
parked     events that failed and wait for a retry
stuck      parked events whose retries have failed for two minutes or more
dead       dead letters: they failed every retry; see `roadbike dead-letters list`
refused    events not from their only publisher, or that contradict others
pending    reservations in progress
unsettled  payments and refunds whose outcome is not known yet"""


@app.command()
def up(
    *,
    home: HomeOption = DEFAULT_HOME,
    port_base: Annotated[
        int, typer.Option(help="All ports are counted from this; the gateway's is this + 8.")
    ] = 8080,
    fresh: Annotated[bool, typer.Option("--fresh", help="Delete the shop's data first.")] = False,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return when the shop is open; keep it running.")
    ] = False,
) -> None:
    """Open the shop on this machine. Ctrl-C closes it; its data are kept."""
    from roadbike.environment import ENVIRONMENT
    from roadbike.local import ports
    from roadbike.local.up import command
    from roadbike.local.up.options import Options

    check_names(os.environ, ENVIRONMENT)  # a misspelt setting stops it before anything starts
    options = Options(
        home=homes.at(home),
        ports=ports.from_base(port_base),
        environ=dict(os.environ),
        fresh=fresh,
    )
    if detach:
        command.up_detached(options)
    else:
        command.up(options)


@app.command()
def down(*, home: HomeOption = DEFAULT_HOME) -> None:
    """Close the shop that runs in the background; its data are kept."""
    control.ask(homes.at(home), "down")
    homes.wait_until_unlocked(homes.at(home))
    typer.echo("The shop is closed.")


@app.command(epilog=STATUS_LEGEND)
def status(
    *,
    home: HomeOption = DEFAULT_HOME,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Show the state of every part.

    The exit code is 0 when all is well, 1 when something needs a person, 2 when no shop is open.
    """
    from roadbike.local.commands import status, status_table, verdict
    from roadbike.local.terminal import console

    try:
        rows = status.collect(homes.at(home))
    except control.NotRunning as error:
        error.code = verdict.ExitCode.NO_SHOP_IS_OPEN
        raise
    if as_json:
        typer.echo(json.dumps([verdict.with_reasons(row) for row in rows], indent=2))
    else:
        status_table.show(rows, console())
    raise typer.Exit(verdict.exit_code(rows))


@app.command()
def url(*, home: HomeOption = DEFAULT_HOME) -> None:
    """Print the address of the open shop, and nothing else."""
    from roadbike.local.commands import url

    typer.echo(url.gateway_url(homes.at(home)))


@app.command()
def logs(
    part: Annotated[str | None, typer.Argument(help="Show the log of this part only.")] = None,
    *,
    home: HomeOption = DEFAULT_HOME,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Keep printing new lines until Ctrl-C.")
    ] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", help="Number of lines of each log.")] = 20,
) -> None:
    """Show the last lines of the logs."""
    from roadbike.local.commands import logs

    logs.show(homes.at(home), part, follow=follow, count=lines)


@app.command()
def start(part: PartArgument, *, home: HomeOption = DEFAULT_HOME) -> None:
    """Start a stopped part, and return when it is ready."""
    _send(home, "start", part)


@app.command()
def stop(part: PartArgument, *, home: HomeOption = DEFAULT_HOME) -> None:
    """Let a part finish its work and stop it until it is started."""
    _send(home, "stop", part)


@app.command()
def restart(part: PartArgument, *, home: HomeOption = DEFAULT_HOME) -> None:
    """Stop a part and start it, and return when it is ready."""
    _send(home, "restart", part)


@app.command()
def kill(part: PartArgument, *, home: HomeOption = DEFAULT_HOME) -> None:
    """Kill a part (kill -9) as a crash would; it is restarted."""
    pid = control.ask(homes.at(home), "kill", part)
    typer.echo(f"{part}: killed (pid {pid})")


@app.command()
def serve(service: Annotated[str, typer.Argument(help="stock, reservation, …")]) -> None:
    """Run one service in this process. Its settings are environment variables (ROADBIKE_…)."""
    from roadbike import serve as server

    server.serve(f"{_package(service)}.app", os.environ)


@app.command()
def migrate(
    service: Annotated[str | None, typer.Argument(help="Only this service; default: all.")] = None,
    *,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Upgrade database schemas to this version.

    The database of ROADBIKE_DATABASE_URL if that is set, else those of the open shop.
    """
    from roadbike.kit.db.migrate import upgrade
    from roadbike.local.shop_file import databases

    for name, url in databases(homes.at(home), service, os.environ).items():
        upgrade(_package(name), url)
        typer.echo(f"{name}: up to date")


@app.command()
def token(
    user: Annotated[str, typer.Argument(help="A demo user: buyer, buyer2 or admin.")],
    *,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Log a demo user in and print the access token, and nothing else."""
    from roadbike.local.commands import token

    typer.echo(token.log_in(homes.at(home), user))


@app.command()
def demo(
    *,
    home: HomeOption = DEFAULT_HOME,
    stopper: Annotated[
        str | None,
        typer.Option(help="Command that stops {service}; default: this shop's supervisor."),
    ] = None,
    starter: Annotated[
        str | None,
        typer.Option(help="Command that starts {service}; default: this shop's supervisor."),
    ] = None,
) -> None:
    """Check each requirement on the running shop; report pass or fail.

    The exit code is 0 when all passed.
    """
    from roadbike.ops.demo import check_requirements

    raise typer.Exit(1 if check_requirements(homes.at(home), stopper, starter) else 0)


@app.command()
def rebuild(
    service: Annotated[str, typer.Argument(help="The read model to rebuild: mypage.")] = "mypage",
    *,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Rebuild the My Page read model from stored events. The shop can stay open."""
    from roadbike.local.shop_file import databases
    from roadbike.ops.rebuild import rebuild_my_page

    if service != "mypage":
        raise CommandError(f"{service} is not a read model: only mypage can be rebuilt")
    count = rebuild_my_page(databases(homes.at(home), service, os.environ)[service])
    typer.echo(f"{service}: {count} purchases rebuilt")


def _send(home: Path, verb: Verb, part: str) -> None:
    control.ask(homes.at(home), verb, part)
    typer.echo(f"{part}: {'stopped' if verb == 'stop' else 'ready'}")


def _package(service: str) -> str:
    from roadbike.local.services import SERVICES

    packages = {spec.name: spec.package for spec in SERVICES}
    if service not in packages:
        services, hint = ", ".join(packages), did_you_mean(service, packages)
        raise CommandError(f"there is no service {service}: the services are {services}{hint}")
    return packages[service]


def main() -> int:
    return exit_code_of(app)


def exit_code_of(command: Callable[[], object]) -> int:
    """Run the command. A known error is printed as one sentence, without a traceback."""
    try:
        command()
    except CommandError as error:
        for line in error.details:
            typer.echo(f"  {line}", err=True)
        _print_error(f"roadbike: {error}")
        return error.code
    except (SettingError, OSError) as error:
        _print_error(f"roadbike: {error}")
        return 1
    return 0


def _print_error(sentence: str) -> None:
    """On a terminal, wrap it between words, but not inside a command in backticks."""
    if sys.stderr.isatty():
        unbroken = re.sub("`[^`]*`", lambda found: found[0].replace(" ", HARD_SPACE), sentence)
        width = shutil.get_terminal_size().columns
        lines = textwrap.wrap(unbroken, width, break_long_words=False, break_on_hyphens=False)
        sentence = "\n".join(lines).replace(HARD_SPACE, " ")
    typer.echo(sentence, err=True)


if __name__ == "__main__":
    sys.exit(main())
