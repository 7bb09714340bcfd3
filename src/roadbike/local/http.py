"""HTTP calls of the commands to the running shop, with the standard library only."""

import json
import urllib.error
import urllib.request
from typing import Final

from roadbike.local.errors import CommandError

TIMEOUT_SECONDS: Final = 10.0


def access_token(gateway: str, user: str, password: str) -> str:
    request = urllib.request.Request(  # noqa: S310  our own gateway
        f"{gateway}/accounts/tokens",
        data=json.dumps({"userId": user, "password": password}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310  ours
            token: str = json.load(answer)["access_token"]
            return token
    except urllib.error.HTTPError as refusal:
        raise CommandError(f"log-in of {user} was refused: {_reason(refusal)}") from None
    except OSError as problem:
        raise CommandError(f"{gateway} does not answer ({problem}): is the shop open?") from None


def _reason(refusal: urllib.error.HTTPError) -> str:
    try:
        return f"{refusal.code}, {json.load(refusal)['detail']}"
    except (ValueError, KeyError):
        return str(refusal.code)
