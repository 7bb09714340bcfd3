"""A key of account's, and what its tokens claim."""

import time
from typing import Any

from roadbike.kit.auth import SigningKey, new_signing_key

KEY = SigningKey.from_jwk(new_signing_key("account/1"))


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    usual = {"iss": "roadbike-account", "aud": "shop", "sub": "kim", "iat": now, "exp": now + 60}
    told = usual | {"roles": ["buyer"]} | changes
    return {name: value for name, value in told.items() if value is not None}
