"""`roadbike url`: the address of the open shop."""

from roadbike.local import shop_file
from roadbike.local.errors import CommandError
from roadbike.local.home import Home
from roadbike.local.invocation import command_line
from roadbike.local.supervisor import control


def gateway_url(home: Home) -> str:
    """Return the gateway's address. Raises CommandError when the shop is not open."""
    control.views(home)
    shop = shop_file.read_known(home)
    if not shop.open:
        status_command = command_line("status", home)
        raise CommandError("not-open-yet", path=home.path, status_command=status_command)
    return shop.gateway
