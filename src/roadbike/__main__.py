"""The command `roadbike`: open, look after and close a shop, or run one service of it.

What the commands and their options are for stands in local/texts/help.toml.
"""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from roadbike.local import cli
from roadbike.local import home as homes
from roadbike.local.cli import Command, Group
from roadbike.local.commands import account_options, dead_letters_options
from roadbike.local.commands.options import DEFAULT_HOME, HomeOption
from roadbike.local.exit_code import exit_code_of
from roadbike.local.supervisor import control
from roadbike.local.supervisor.control import Verb
from roadbike.local.texts import say
from roadbike.ops import commands as ops

app = typer.Typer(
    name="roadbike",
    cls=Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(dead_letters_options.app)
app.add_typer(account_options.app)
app.add_typer(ops.app)

PartArgument = Annotated[str, typer.Argument()]


@app.command(cls=Command)
def up(
    *,
    home: HomeOption = DEFAULT_HOME,
    port_base: Annotated[int | None, typer.Option("--port-base")] = None,
    fresh: Annotated[bool, typer.Option("--fresh")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y")] = False,
    detach: Annotated[bool, typer.Option("--detach", "-d")] = False,
    replica_counts: Annotated[list[str] | None, typer.Option("--replicas")] = None,
) -> None:
    """Open the shop on this machine. Ctrl-C closes it; its data are kept."""
    from roadbike.local import all_settings, ports, replicas, shop_file
    from roadbike.local.services import SERVICES
    from roadbike.local.up import command
    from roadbike.local.up.options import Options

    all_settings.check_own(os.environ)
    at = homes.at(home)
    base = shop_file.last_base(at) if port_base is None else port_base
    options = Options(
        home=at,
        ports=ports.from_base(base),
        environ=dict(os.environ),
        fresh=fresh,
        yes=yes,
        detach=detach,
        replicas=replicas.read(replica_counts or [], [spec.name for spec in SERVICES]),
    )
    if detach:
        command.up_detached(options)
    else:
        command.up(options)


@app.command(cls=Command)
def down(*, home: HomeOption = DEFAULT_HOME) -> None:
    """Close the shop that runs in the background; its data are kept."""
    control.ask(homes.at(home), "down")
    homes.wait_until_unlocked(homes.at(home))
    typer.echo(say("shop-closed"))


@app.command(cls=Command)
def status(
    *,
    home: HomeOption = DEFAULT_HOME,
    as_json: Annotated[bool, typer.Option("--json")] = False,
    watch: Annotated[bool, typer.Option("--watch", "-w")] = False,
) -> None:
    """Show the state of every part.

    The exit code is 0 when all is well, 1 when something needs a person, 2 when no shop is open.
    """
    from roadbike.local.commands import looks, status, status_table, verdict, watching
    from roadbike.local.terminal import console

    try:
        if watch:
            watching.watch(looks.Looks(homes.at(home)).next, console())
            return
        rows = status.collect(homes.at(home))
    except control.NotRunning as error:
        error.code = verdict.ExitCode.NO_SHOP_IS_OPEN
        raise
    if as_json:
        typer.echo(json.dumps([verdict.with_reasons(row) for row in rows], indent=2))
    else:
        status_table.show(rows, console())
    raise typer.Exit(verdict.exit_code(rows))


@app.command(cls=Command)
def doctor(
    *,
    home: HomeOption = DEFAULT_HOME,
    port_base: Annotated[int | None, typer.Option("--port-base")] = None,
) -> None:
    """Check whether a shop can be opened on this machine; nothing is changed."""
    from roadbike.local import ports, shop_file
    from roadbike.local.commands import doctor
    from roadbike.local.terminal import console

    at = homes.at(home)
    base = shop_file.last_base(at) if port_base is None else port_base
    found = doctor.examine(at, ports.from_base(base).base, os.environ)
    raise typer.Exit(doctor.show(found, console()))


@app.command(cls=Command)
def url(*, home: HomeOption = DEFAULT_HOME) -> None:
    """Print the address of the open shop, and nothing else."""
    from roadbike.local.commands import url

    typer.echo(url.gateway_url(homes.at(home)))


@app.command(cls=Command)
def logs(
    part: Annotated[str | None, typer.Argument()] = None,
    *,
    home: HomeOption = DEFAULT_HOME,
    follow: Annotated[bool, typer.Option("--follow", "-f")] = False,
    lines: Annotated[int | None, typer.Option("--lines", "-n", min=0)] = None,
    trace: Annotated[str | None, typer.Option("--trace")] = None,
    reserve: Annotated[str | None, typer.Option("--reserve")] = None,
    since: Annotated[str | None, typer.Option("--since")] = None,
) -> None:
    """Show the logs of all parts, merged by time: the last lines, or those of one purchase."""
    from roadbike.local.commands import log_lines, logs

    wanted = log_lines.wanted(trace=trace, reserve=reserve, since=since)
    logs.show(homes.at(home), part, follow=follow, count=lines, wanted=wanted)


@app.command(cls=Command)
def start(part: PartArgument, *, home: HomeOption = DEFAULT_HOME) -> None:
    """Start a stopped part, and return when it is ready."""
    _send(home, "start", part)


@app.command(cls=Command)
def stop(part: PartArgument, *, home: HomeOption = DEFAULT_HOME) -> None:
    """Let a part finish its work and stop it until it is started."""
    _send(home, "stop", part)


@app.command(cls=Command)
def restart(part: PartArgument, *, home: HomeOption = DEFAULT_HOME) -> None:
    """Stop a part and start it, and return when it is ready."""
    _send(home, "restart", part)


@app.command(cls=Command)
def kill(part: PartArgument, *, home: HomeOption = DEFAULT_HOME) -> None:
    """Kill a part (kill -9) as a crash would; it is restarted."""
    for pid in control.ask(homes.at(home), "kill", part):
        typer.echo(say("part-killed-now", part=part, pid=pid))


@app.command(cls=Command)
def serve(service: Annotated[str, typer.Argument()]) -> None:
    """Run one service in this process. Its settings are environment variables (ROADBIKE_…)."""
    from roadbike import serve as server

    server.serve(f"{_package(service)}.app", os.environ)


@app.command(cls=Command)
def migrate(
    service: Annotated[str | None, typer.Argument()] = None,
    *,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Upgrade database schemas to this version.

    The database of ROADBIKE_DATABASE_URL if that is set, else those of the open shop.
    """
    from roadbike.kit.db.migrate import upgrade
    from roadbike.local.commands.databases import in_use
    from roadbike.local.shop_file import databases

    for name, url in databases(homes.at(home), service, os.environ, to_migrate=True).items():
        with in_use(name, url):
            upgrade(_package(name), url)
        typer.echo(say("database-up-to-date", service=name))


@app.command(cls=Command)
def set_up_broker(
    *,
    home: HomeOption = DEFAULT_HOME,
    keep: Annotated[bool, typer.Option("--keep")] = False,
) -> None:
    """Make the broker's topics and groups that are missing. `roadbike up` does it itself.

    The broker of ROADBIKE_BROKER_URL if that is set, else that of the open shop.
    """
    from roadbike.local.commands import set_up_broker

    count = set_up_broker.set_up(homes.at(home), os.environ, keep=keep)
    typer.echo(say("topics-set-up", count=count))


@app.command(cls=Command)
def set_up_gateway(
    folder: Annotated[Path, typer.Argument()],
    *,
    url: Annotated[str, typer.Option("--url")] = "http://{service}:8080",
    trusted: Annotated[list[str] | None, typer.Option("--trusted-proxies")] = None,
) -> None:
    """Write the gateway's configuration for services on other machines into that folder."""
    from roadbike.local.commands import gateway

    gateway.write(folder, os.environ, url, trusted or [])
    typer.echo(say("gateway-set-up", path=folder))


@app.command(cls=Command)
def set_up_secrets(
    folder: Annotated[Path, typer.Argument()],
    *,
    gateway: Annotated[str, typer.Option("--gateway")],
    database_url: Annotated[list[str], typer.Option("--database-url")],
    broker_url: Annotated[str, typer.Option("--broker-url")],
) -> None:
    """Make the keys and passwords of a shop in a Kubernetes cluster, as files in that folder."""
    from roadbike.local.commands import set_up_secrets

    set_up_secrets.write(folder, gateway, database_url, broker_url)
    typer.echo(say("secrets-set-up", path=folder))


@app.command(cls=Command)
def serve_fallback(
    *, port: Annotated[int, typer.Option("--port", min=1, max=65_535)] = 8081
) -> None:
    """Answer what no service answers, for a gateway on the same machine or in the same pod."""
    from roadbike.local.commands import gateway

    gateway.serve_fallback(port)


@app.command(cls=Command)
def token(
    user: Annotated[str, typer.Argument()],
    *,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Log a demo user in and print the access token, and nothing else."""
    from roadbike.local.commands import token

    typer.echo(token.log_in(homes.at(home), user))


def _send(home: Path, verb: Verb, part: str) -> None:
    control.ask(homes.at(home), verb, part)
    typer.echo(say("part-stopped-now" if verb == "stop" else "part-ready-now", part=part))


def _package(service: str) -> str:
    from roadbike.local.services import SERVICES
    from roadbike.local.shop_file import no_such_service

    packages = {spec.name: spec.package for spec in SERVICES}
    if service not in packages:
        raise no_such_service(service, packages)
    return packages[service]


def main() -> int:
    return exit_code_of(lambda: cli.run(app))


if __name__ == "__main__":
    sys.exit(main())
