"""A signing key of account, and the claims of its access tokens."""

import time
from dataclasses import dataclass
from typing import Any

from roadbike.kit.auth import SigningKey, new_signing_key

ISSUER = "the-issuer"
AUDIENCE = "an-audience"
ROLES = frozenset({"buyer", "admin"})
KEY = SigningKey.from_jwk(new_signing_key("account/1"))


@dataclass(frozen=True)
class FromNow:
    """A time for a claim: these seconds after the claims are made. For parameters of tests."""

    seconds: int


def claims(**changes: Any) -> dict[str, Any]:
    """Return valid claims with these changes; a claim that is None is left out."""
    now = int(time.time())
    usual = {"iss": ISSUER, "aud": AUDIENCE, "sub": "kim", "iat": now, "exp": now + 60}
    claimed = usual | {"roles": ["buyer"]} | changes
    return {
        name: now + value.seconds if isinstance(value, FromNow) else value
        for name, value in claimed.items()
        if value is not None
    }
