"""Internal tokens: the calling service signs with its own key, the callee knows its public half."""

import time
from collections.abc import Callable
from typing import Final

from roadbike.kit.auth.cache import Remembered
from roadbike.kit.auth.keys import SigningKey, claims_of, kid_of, public_keys
from roadbike.kit.pure.refusals import Unauthenticated

LIFETIME_S: Final = 60
RENEWED_AFTER_S: Final = 30  # at half life


class ServiceTokens:
    """The tokens that the service `name` shows to others, and those that it accepts.

    service_key: private JWK of this service, kid "<name>/…".
    caller_keys: JWKS of the accepted callers; the kid "<caller>/…" names the caller.
    Raises KeyFault when one of them is no such text.
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
        self._minted: dict[str, tuple[float, str]] = {}  # callee → (when, token)
        self._known: Remembered[str] = Remembered()

    def mint(self, callee: str) -> str:
        """Return a token for one callee, valid for 30 to 60 s."""
        now = self._clock()
        minted_at, token = self._minted.get(callee, (float("-inf"), ""))
        if now - minted_at >= RENEWED_AFTER_S:
            claims = {"iss": self.name, "sub": self.name, "aud": callee, "iat": int(now)}
            token = self._key.sign(claims | {"exp": int(now) + LIFETIME_S})
            self._minted[callee] = (now, token)
        return token

    def headers(self, callee: str) -> dict[str, str]:
        """Return the headers that a call to `callee` needs."""
        return {"Authorization": f"Bearer {self.mint(callee)}"}

    def verify(self, token: str) -> str:
        """Return the name of the calling service. Raises Unauthenticated."""
        if caller := self._known.get(token):
            return caller
        kid = kid_of(token)
        key = self._callers.get(kid)
        if key is None:
            raise Unauthenticated
        caller = kid.partition("/")[0]
        claims = claims_of(token, key, audience=self.name, issuer=caller)
        if claims["sub"] != caller or claims["exp"] - claims["iat"] > LIFETIME_S:
            raise Unauthenticated
        self._known.put(token, caller, until=claims["exp"])
        return caller
