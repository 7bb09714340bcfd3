"""The job that makes the missing key files, at the first start."""

import json
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from roadbike.kit.auth import SigningKey, new_signing_key
from roadbike.kit.process.settings import ONE_MACHINE
from roadbike.local.home import write_private


def make(
    *, keys: Mapping[str, str], public: Mapping[str, Sequence[str]], label: str = ONE_MACHINE
) -> None:
    """`keys`: the file of each owner's private key; `public`: whose public keys each file has.

    label: a part of the kid of each new key.
    """
    for owner, path in keys.items():
        if not Path(path).exists():
            kid = f"{owner}/{label}-{secrets.token_hex(4)}"
            write_private(Path(path), new_signing_key(kid).encode())
    for path, owners in public.items():
        jwks = {"keys": [_public(Path(keys[owner])) for owner in owners]}
        write_private(Path(path), json.dumps(jwks).encode())


def _public(path: Path) -> dict[str, str]:
    return SigningKey.from_jwk(path.read_text()).public_jwk()
