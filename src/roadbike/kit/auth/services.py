"""Internal tokens: the calling service signs with its own key, the callee has the public key."""

import time
from collections.abc import Callable
from typing import Final

from roadbike.kit.auth.cache import TokenCache
from roadbike.kit.auth.keys import SigningKey, claims_of, kid_of, public_keys
from roadbike.kit.pure.refusals import Unauthenticated

LIFETIME_SECONDS: Final = 60
RENEWAL_SECONDS: Final = 30  # after half the lifetime a new token is signed


class ServiceTokens:
    """Signs the tokens that the service `name` sends to others, and verifies those it receives.

    service_key: private JWK of this service, kid "<name>/…".
    caller_keys: JWKS of the accepted callers; the kid "<caller>/…" names the caller.
    clock: seconds since the epoch.
    Raises KeyFault when a key cannot be read.
    """

    def __init__(
        self,
        name: str,
        service_key: str,
        caller_keys: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self._key = SigningKey.from_jwk(service_key)
        self._callers = public_keys(caller_keys)
        self._clock = clock
        self._minted: dict[str, tuple[float, str]] = {}  # callee → (minted at, token)
        self._verified: TokenCache[str] = TokenCache()

    def mint(self, callee: str) -> str:
        """Return a token for one callee, valid for another 30 to 60 seconds."""
        now = self._clock()
        minted_at, token = self._minted.get(callee, (float("-inf"), ""))
        if now - minted_at >= RENEWAL_SECONDS:
            claims = {"iss": self.name, "sub": self.name, "aud": callee, "iat": int(now)}
            token = self._key.sign(claims | {"exp": int(now) + LIFETIME_SECONDS})
            self._minted[callee] = (now, token)
        return token

    def headers(self, callee: str) -> dict[str, str]:
        """Return the HTTP headers that authenticate a call to `callee`."""
        return {"Authorization": f"Bearer {self.mint(callee)}"}

    def verify(self, token: str) -> str:
        """Return the name of the calling service. Raises Unauthenticated."""
        if caller := self._verified.get(token):
            return caller
        kid = kid_of(token)
        key = self._callers.get(kid)
        if key is None:
            raise Unauthenticated
        caller = kid.partition("/")[0]
        claims = claims_of(token, key, audience=self.name, issuer=caller)
        if claims["sub"] != caller or claims["exp"] - claims["iat"] > LIFETIME_SECONDS:
            raise Unauthenticated
        self._verified.put(token, caller, expires_at=claims["exp"])
        return caller
