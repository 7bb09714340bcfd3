"""HTTP calls of the commands to the running shop, with the standard library only."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Final
from urllib.error import HTTPError

from roadbike.local.errors import CommandError

TIMEOUT_SECONDS: Final = 10.0


def call(
    url: str,
    *,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = TIMEOUT_SECONDS,
) -> bytes:
    """GET the URL, or POST `body` as JSON to it, and return the body of the response.

    Raises HTTPError for a status of 400 or more, and OSError when nothing answers.
    """
    content = {} if body is None else {"Content-Type": "application/json"}
    request = urllib.request.Request(  # noqa: S310  the shop's own address
        url,
        data=None if body is None else json.dumps(body).encode(),
        headers={**content, **(headers or {})},
    )
    with urllib.request.urlopen(request, timeout=timeout) as response:  # noqa: S310  the shop's own
        content_read: bytes = response.read()
        return content_read


def access_token(gateway: str, user: str, password: str) -> str:
    """Log in and return the token. Raises CommandError when the log-in is refused."""
    login = {"userId": user, "password": password}
    try:
        token: str = json.loads(call(f"{gateway}/accounts/tokens", body=login))["access_token"]
    except HTTPError as refusal:
        reason = ", ".join([str(refusal.code), *filter(None, [problem(refusal).get("detail")])])
        raise CommandError("log-in-refused", user=user, reason=reason) from None
    except OSError as error:
        raise CommandError("gateway-silent", gateway=gateway, error=error) from None
    return token


def problem(refusal: HTTPError) -> dict[str, Any]:
    """Return the problem document (RFC 9457) of a response; empty when it has none."""
    try:
        document = json.load(refusal)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
