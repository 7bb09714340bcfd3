"""A signing key of account, and the claims of its access tokens."""

import time
from typing import Any

from roadbike.kit.auth import SigningKey, new_signing_key

ISSUER = "the-issuer"
AUDIENCE = "an-audience"
ROLES = frozenset({"buyer", "admin"})
KEY = SigningKey.from_jwk(new_signing_key("account/1"))


def claims(**changes: Any) -> dict[str, Any]:
    """Return valid claims with these changes; a claim that is None is left out."""
    now = int(time.time())
    usual = {"iss": ISSUER, "aud": AUDIENCE, "sub": "kim", "iat": now, "exp": now + 60}
    claimed = usual | {"roles": ["buyer"]} | changes
    return {name: value for name, value in claimed.items() if value is not None}
