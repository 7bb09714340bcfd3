"""Authentication: access tokens of users, internal tokens of services, and their keys."""

from roadbike.kit.auth.keys import KeyFault, SigningKey, new_signing_key, public_keys
from roadbike.kit.auth.published import Publisher
from roadbike.kit.auth.services import ServiceTokens
from roadbike.kit.auth.store import VERIFICATION_KEY
from roadbike.kit.auth.tokens import Identity, TokenVerifier, Verifier, fetcher

__all__ = [
    "VERIFICATION_KEY",
    "Identity",
    "KeyFault",
    "Publisher",
    "ServiceTokens",
    "SigningKey",
    "TokenVerifier",
    "Verifier",
    "fetcher",
    "new_signing_key",
    "public_keys",
]
