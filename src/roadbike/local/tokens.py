"""`roadbike token`: logs a demo user in, as any client would."""

import json
import urllib.error
import urllib.request
from typing import Final

from roadbike.local.home import Home, read_shop
from roadbike.local.trouble import Trouble
from roadbike.local.typed import typed

PATIENCE: Final = 10.0  # seconds


def log_in(home: Home, user: str) -> str:
    """The access token."""
    shop = read_shop(home)
    logins = shop.get("logins", {})
    if user not in logins:
        there = ", ".join(logins) or f"none before the first `{typed('up', home)}`"
        raise Trouble(f"there is no demo log-in {user} in {home.path}: there are {there}")
    return access_token(shop["addresses"]["gateway"], user, logins[user])


def access_token(gateway: str, user: str, password: str) -> str:
    request = urllib.request.Request(  # noqa: S310  our own gateway
        f"{gateway}/accounts/tokens",
        data=json.dumps({"userId": user, "password": password}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310  ours
            token: str = json.load(answer)["access_token"]
            return token
    except urllib.error.HTTPError as refusal:
        raise Trouble(f"log-in of {user} was refused: {_reason(refusal)}") from None
    except OSError as problem:
        raise Trouble(f"{gateway} does not answer ({problem}): is the shop open?") from None


def _reason(refusal: urllib.error.HTTPError) -> str:
    try:
        return f"{refusal.code}, {json.load(refusal)['detail']}"
    except (ValueError, KeyError):
        return str(refusal.code)
