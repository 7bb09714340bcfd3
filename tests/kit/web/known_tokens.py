"""The access tokens that the app of these tests accepts."""

from roadbike.kit.auth.tokens import Identity
from roadbike.kit.pure.refusals import TokenExpired, TokenInvalid


class KnownTokens:
    """Accepts "buyer", "clerk" and "admin", which are user id and role in one; knows "old"."""

    async def verify(self, token: str) -> Identity:
        if token == "old":
            raise TokenExpired
        if token not in {"buyer", "clerk", "admin"}:
            raise TokenInvalid
        return Identity(token, frozenset({token}))
