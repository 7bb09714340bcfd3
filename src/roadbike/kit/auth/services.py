"""Internal tokens: each is signed for one request by the calling service and used once.

The callee has the caller's public key. A program that sees a token (on the callee's port, in
a log) can at most send the very same request again: at another replica of the callee, or after
its restart, within LIFETIME_SECONDS. Internal requests are idempotent, so that changes nothing.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from aiohttp import ClientHandlerType, ClientMiddlewareType, ClientRequest, ClientResponse

from roadbike.kit.auth.cache import UsedOnce
from roadbike.kit.auth.clock import TokenClock
from roadbike.kit.auth.keys import (
    CLOCK_SKEW_SECONDS,
    SigningKey,
    TokenRules,
    claims_of,
    kid_of,
    public_keys,
)
from roadbike.kit.pure.refusals import TokenInvalid

LIFETIME_SECONDS: Final = 60
REMEMBERED_SECONDS: Final = LIFETIME_SECONDS + 2 * CLOCK_SKEW_SECONDS  # then it has expired
ID_BYTES: Final = 16
MAX_ID_LENGTH: Final = 64  # characters


@dataclass(frozen=True, slots=True)
class InternalCall:
    """A verified token, whose request body was not compared yet."""

    caller: str
    token_id: str
    body_sha256: str


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
        self._clock = TokenClock(clock, life_seconds=LIFETIME_SECONDS)
        self._used = UsedOnce(REMEMBERED_SECONDS)

    def mint(self, callee: str, method: str, path: str, body: bytes = b"") -> str:
        """Return a token for one request to one callee.

        path: as the callee's routes see it, percent-decoded; with `?` and the query, if any.
        """
        now = int(self._clock.now())
        return self._key.sign(
            {
                "iss": self.name,
                "sub": self.name,
                "aud": callee,
                "iat": now,
                "exp": now + LIFETIME_SECONDS,
                "jti": secrets.token_urlsafe(ID_BYTES),
                "method": method,
                "path": path,
                "body": sha256(body).hexdigest(),
            }
        )

    def headers(self, callee: str, method: str, path: str, body: bytes = b"") -> dict[str, str]:
        """Return the HTTP headers that authenticate one request; parameters as in `mint`."""
        return {"Authorization": f"Bearer {self.mint(callee, method, path, body)}"}

    def signing(
        self, callee: str, method: str, path: str, body: bytes = b""
    ) -> ClientMiddlewareType:
        """Return what signs a request each time that aiohttp sends it; parameters as in `mint`.

        aiohttp sends a GET or PUT again when a connection that was kept open turns out to be
        closed. If the callee has received the first one, it refuses a second with the same token.
        """

        async def sign(request: ClientRequest, send: ClientHandlerType) -> ClientResponse:
            request.headers.update(self.headers(callee, method, path, body))
            return await send(request)

        return sign

    def read(self, token: str, method: str, path: str) -> InternalCall:
        """Return what a token says that was signed for this method and path.

        The body is compared by `accept`, when it was read. Raises TokenInvalid.
        """
        kid = kid_of(token)
        key = self._callers.get(kid)
        if key is None:
            raise TokenInvalid
        caller = kid.partition("/")[0]
        rules = TokenRules(
            audience=self.name,
            issuer=caller,
            max_lifetime_seconds=LIFETIME_SECONDS,
            clock=self._clock,
        )
        claims = claims_of(token, key, rules)
        signed = (claims["sub"], claims.get("method"), claims.get("path"))
        if signed != (caller, method, path):
            raise TokenInvalid
        return InternalCall(caller, _text(claims, "jti"), _text(claims, "body"))

    def accept(self, call: InternalCall, body: bytes) -> str:
        """Use up the token and return the name of the calling service.

        Raises TokenInvalid when the body is another one, or the token was used here before.
        """
        if sha256(body).hexdigest() != call.body_sha256:
            raise TokenInvalid
        if not self._used.use(call.token_id):
            raise TokenInvalid
        return call.caller


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID_LENGTH:
        raise TokenInvalid
    return value
