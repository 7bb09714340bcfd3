"""`roadbike token`: log a demo user in, as any client would."""

from roadbike.local import shop_file
from roadbike.local.errors import CommandError
from roadbike.local.home import Home
from roadbike.local.http import access_token
from roadbike.local.supervisor import control


def log_in(home: Home, user: str) -> str:
    """Return the access token. Raises CommandError when it is refused or no shop is open."""
    control.views(home)  # while no shop is running, its port may be anybody's
    shop = shop_file.read_known(home)
    if user not in shop.logins:
        users = ", ".join(shop.logins)
        raise CommandError("no-such-user", user=user, path=home.path, users=users)
    return access_token(shop.gateway, user, shop.logins[user])
