"""Access tokens of users: signed by one issuer, verified with keys in the own database."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Protocol

import aiohttp
import structlog

from roadbike.kit.auth.cache import TokenCache
from roadbike.kit.auth.keys import PublicKeys, claims_of, kid_of, public_keys
from roadbike.kit.auth.store import keep_keys, load_keys
from roadbike.kit.db import Database, DatabaseUnavailable
from roadbike.kit.pure.refusals import Unauthenticated, Unavailable

REFETCH_SECONDS: Final = 30.0  # between two fetches, however many unknown keys tokens name
FIRST_FETCH_SECONDS: Final = 1.0  # while there are no keys, since every request is refused then
FETCH_TIMEOUT_SECONDS: Final = 2.0
RETRY_SECONDS: Final = 1.0  # until a client may try again

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Identity:
    """The user that an access token was issued to, and the roles that it carries."""

    user_id: str
    roles: frozenset[str]


class Verifier(Protocol):
    """Verifies access tokens."""

    async def verify(self, token: str) -> Identity:
        """Return the identity in a valid token.

        Raises Unauthenticated when the token is not valid, Unavailable when that cannot be
        decided now.
        """
        ...


class TokenVerifier:
    """Verifies access tokens: EdDSA signature, iss, aud, exp, iat, sub, key by kid.

    The keys are loaded from the table verification_key once. A token with an unknown kid makes
    the verifier fetch the issuer's JWKS, at most once per REFETCH_SECONDS.
    """

    def __init__(
        self,
        db: Database,
        issuer_url: str,
        *,
        issuer: str,
        audience: str,
        roles: AbstractSet[str],
        clock: Callable[[], float] = time.monotonic,
        fetch: Callable[[str], Awaitable[str]] | None = None,
    ) -> None:
        """Accept tokens of `issuer` for `audience`; keep those of their roles that are in `roles`.

        issuer_url: without a path. clock: monotonic seconds. fetch: returns the text behind a
        URL or raises OSError.
        """
        self._db = db
        self._url = f"{issuer_url.rstrip('/')}/.well-known/jwks.json"
        self._issuer, self._audience, self._roles = issuer, audience, frozenset(roles)
        self._clock = clock
        self._fetch = fetch or _fetched
        self._keys: PublicKeys = {}
        self._loaded = False
        self._next_fetch = float("-inf")
        self._fetch_failed = False  # then a key that is unknown here may still be valid
        self._lock = asyncio.Lock()
        self._verified: TokenCache[Identity] = TokenCache()

    async def verify(self, token: str) -> Identity:
        """Return the identity in a valid token.

        Raises Unauthenticated when the token is not valid, Unavailable when its key is unknown
        and cannot be fetched now.
        """
        if identity := self._verified.get(token):
            return identity
        kid = kid_of(token)
        key = self._keys.get(kid) or (await self._current_keys(kid)).get(kid)
        if key is None:
            raise self._unknown_key()
        claims = claims_of(token, key, audience=self._audience, issuer=self._issuer)
        identity = self._identity(claims)
        self._verified.put(token, identity, expires_at=claims["exp"])
        return identity

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        roles = claims.get("roles")
        if not isinstance(roles, list) or not claims["sub"]:
            raise Unauthenticated
        known = self._roles & {role for role in roles if isinstance(role, str)}
        return Identity(claims["sub"], known)

    async def _current_keys(self, kid: str) -> PublicKeys:
        async with self._lock:
            if not self._loaded:
                await self._load()
            if kid not in self._keys and self._clock() >= self._next_fetch:
                await self._refetch()
            return self._keys

    async def _load(self) -> None:
        try:
            async with self._db.read() as tx:
                self._keys = await load_keys(tx)
        except DatabaseUnavailable as error:
            raise Unavailable(retry_after=RETRY_SECONDS) from error
        self._loaded = True

    async def _refetch(self) -> None:
        jwks = await self._fetched_jwks()
        self._fetch_failed = jwks is None
        if jwks is not None:
            self._keys = public_keys(jwks)
            self._verified.clear()
            await self._store(jwks)
        wait = REFETCH_SECONDS if self._keys else FIRST_FETCH_SECONDS
        self._next_fetch = self._clock() + wait

    async def _fetched_jwks(self) -> str | None:
        """Return the issuer's JWKS as text; None when the fetch fails or the JWKS has no keys."""
        try:
            text = await self._fetch(self._url)
            return text if public_keys(text) else None
        except (OSError, aiohttp.ClientError, ValueError) as error:
            log.warning("keys.unavailable", error=type(error).__name__)
            return None

    async def _store(self, jwks: str) -> None:
        try:
            await self._db.transact(lambda tx: keep_keys(tx, _public_by_kid(jwks)))
        except DatabaseUnavailable as error:
            log.warning("keys.not_stored", error=str(error))

    def _unknown_key(self) -> Unauthenticated | Unavailable:
        if self._fetch_failed:
            wait = self._next_fetch - self._clock()
            return Unavailable(retry_after=max(RETRY_SECONDS, wait))
        return Unauthenticated()


def _public_by_kid(jwks: str) -> dict[str, dict[str, str]]:
    return {jwk["kid"]: _without_private_member(jwk) for jwk in json.loads(jwks)["keys"]}


def _without_private_member(jwk: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in jwk.items() if name != "d"}


async def _fetched(url: str) -> str:
    """Return the body of one GET, without redirects and without proxies of the environment."""
    timeout = aiohttp.ClientTimeout(total=FETCH_TIMEOUT_SECONDS)
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
        session.get(url, allow_redirects=False) as response,
    ):
        if response.status != HTTPStatus.OK:
            raise OSError(f"the issuer answered {response.status}")
        return await response.text()
