"""The arguments and options of `roadbike account`.

A password is never an argument: the shop makes a one-time password, which is printed once.
"""

import getpass
import json
from collections.abc import Mapping
from typing import Annotated

import typer

from roadbike.contracts.identity import Role
from roadbike.local import home as homes
from roadbike.local.cli import AccountCommand, Group
from roadbike.local.commands.options import DEFAULT_HOME, HomeOption
from roadbike.local.texts import say

app = typer.Typer(name="account", cls=Group, no_args_is_help=True, rich_markup_mode=None)

UserArgument = Annotated[str, typer.Argument()]
RoleOption = Annotated[Role, typer.Option("--role")]
ByOption = Annotated[str | None, typer.Option("--by")]
WhyOption = Annotated[str | None, typer.Option("--why")]
JsonOption = Annotated[bool, typer.Option("--json")]


@app.command(cls=AccountCommand)
def add(
    user: UserArgument,
    *,
    role: RoleOption,
    name: Annotated[str | None, typer.Option("--name")] = None,
    by: ByOption = None,
    why: WhyOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Open an account for one of staff, and print its one-time password."""
    from roadbike.local.commands import account

    made = account.desk(homes.at(home)).add(user, name or user, role, _about(by, why))
    _print_password("account-added", made)


@app.command(cls=AccountCommand)
def password(
    user: UserArgument,
    *,
    by: ByOption = None,
    why: WhyOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Replace the password of one of staff by a one-time password, and print it."""
    from roadbike.local.commands import account

    made = account.desk(homes.at(home)).reset_password(user, _about(by, why))
    _print_password("account-password-reset", made)


@app.command(cls=AccountCommand)
def role(
    user: UserArgument,
    role: Annotated[Role, typer.Argument()],
    *,
    by: ByOption = None,
    why: WhyOption = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Give an account another role."""
    from roadbike.local.commands import account

    changed = account.desk(homes.at(home)).change_role(user, role, _about(by, why))
    roles = ", ".join(changed["roles"])
    typer.echo(say("account-role-changed", user=changed["userId"], role=roles))


@app.command("list", cls=AccountCommand)
def list_(*, home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """List the accounts of staff."""
    from roadbike.local.commands import account
    from roadbike.local.terminal import console

    found = account.desk(homes.at(home)).all()
    if as_json:
        shown = [account.without_links(each) for each in found]
        typer.echo(json.dumps(shown, indent=2, ensure_ascii=False))
    elif found:
        account.show_all(found, console())
    else:
        typer.echo(say("no-staff"))


def _about(by: str | None, why: str | None) -> Mapping[str, str]:
    """Return who asks and why, as the audit log keeps it."""
    return {"by": by or getpass.getuser()} | ({"why": why} if why else {})


def _print_password(slug: str, account: Mapping[str, str]) -> None:
    typer.echo(say(slug, user=account["userId"], password=account["oneTimePassword"]))
