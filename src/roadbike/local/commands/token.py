"""`roadbike token`: logs a demo user in, as any client would."""

from roadbike.local.errors import CommandError
from roadbike.local.home import Home, read_shop
from roadbike.local.http import access_token
from roadbike.local.invocation import command_line


def log_in(home: Home, user: str) -> str:
    """The access token."""
    shop = read_shop(home)
    logins = shop.get("logins", {})
    if user not in logins:
        there = ", ".join(logins) or f"none before the first `{command_line('up', home)}`"
        raise CommandError(f"there is no demo log-in {user} in {home.path}: there are {there}")
    return access_token(shop["addresses"]["gateway"], user, logins[user])
