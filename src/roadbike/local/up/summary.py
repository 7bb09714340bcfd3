"""The end of `roadbike up`: a box with addresses and log-ins, and commands to try next."""

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from roadbike.local import shop_file
from roadbike.local.home import Home
from roadbike.local.invocation import command_line
from roadbike.local.shop_file import ShopFile
from roadbike.local.texts import say


def show(home: Home, to: Console, *, passwords: bool = True) -> None:
    """Print the summary; `passwords` must be False when it is written to a log."""
    shop = shop_file.read_known(home)
    lines = "\n".join(_facts(home, shop, passwords=passwords))
    to.print(Panel.fit(Text(lines), title=say("shop-name"), padding=(1, 2)))
    to.print(say("try-next"))
    for command in _commands(home, shop.gateway):
        # outside the box and on one line each, so that they can be copied
        to.print(command, soft_wrap=True, markup=False, highlight=False)


def _facts(home: Home, shop: ShopFile, *, passwords: bool) -> list[str]:
    logins = shop.logins if passwords else {}
    return [
        say("open-at", gateway=shop.gateway),
        "",
        *(f"{name:<12} 127.0.0.1:{port}" for name, port in shop.ports.items()),
        "",
        *(say("log-in-as", user=user, password=word) for user, word in logins.items()),
        say("home-is", path=home.path),
    ]


def _commands(home: Home, gateway: str) -> list[str]:
    return [
        f"curl {gateway}/stocks",
        f'AUTH="Authorization: Bearer $({command_line("token buyer", home)})"',
        f"""curl -H "$AUTH" --json '{{"bikeId": 1}}' {gateway}/reservations""",
        command_line("status", home),
        command_line("down", home),
    ]
