"""Authentication: internal tokens of services, and the keys of all tokens.

`tokens` verifies the access tokens of users. It needs a database, which commands do without.
"""

from roadbike.kit.auth.keys import KeyFault, SigningKey, new_signing_key, public_keys
from roadbike.kit.auth.published import Publisher
from roadbike.kit.auth.services import ServiceTokens

__all__ = [
    "KeyFault",
    "Publisher",
    "ServiceTokens",
    "SigningKey",
    "new_signing_key",
    "public_keys",
]
