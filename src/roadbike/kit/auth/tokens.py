"""Access tokens of users: signed by one issuer, verified with keys that are trusted here."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Protocol

import aiohttp
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from roadbike.kit.auth.cache import TokenCache
from roadbike.kit.auth.keys import (
    KeyFault,
    PublicKeys,
    TokenRules,
    claims_of,
    kid_of,
    unverified_claims,
)
from roadbike.kit.auth.published import MAX_LENGTH, read_published
from roadbike.kit.auth.store import add_keys, load_keys
from roadbike.kit.db import Database, DatabaseUnavailable
from roadbike.kit.pure.refusals import TokenInvalid, Unavailable

REFETCH_SECONDS: Final = 30.0  # between two fetches, however many unknown keys tokens name
FETCH_TIMEOUT_SECONDS: Final = 2.0
RETRY_SECONDS: Final = 1.0  # until a client may try again
NOTICE_SECONDS: Final = 60  # after a key's first use, until all replicas of the issuer publish it

Fetch = Callable[[str], Awaitable[str]]

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

        Raises TokenExpired or TokenInvalid when the token is not valid, Unavailable when that
        cannot be decided now.
        """
        ...


class TokenVerifier:
    """Verifies access tokens: EdDSA signature, iss, aud, exp, iat, sub, key by kid.

    It trusts the given keys, and those that a key it trusts has signed (kit/auth/published.py).
    A token with an unknown kid makes it load those learned before from the table
    verification_key, and then fetch the issuer's document, at most once per REFETCH_SECONDS. A
    fetch only adds keys: it replaces and removes none.
    """

    def __init__(  # noqa: PLR0913 one keyword for each property of a token
        self,
        db: Database,
        issuer_url: str,
        keys: PublicKeys,
        *,
        issuer: str,
        audience: str,
        roles: AbstractSet[str],
        max_lifetime_seconds: int,
        clock: Callable[[], float] = time.monotonic,
        fetch: Fetch | None = None,
    ) -> None:
        """Accept tokens of `issuer` for `audience`; keep those of their roles that are in `roles`.

        issuer_url: without a path. keys: the issuer's, by kid, as far as they are known at the
        start. max_lifetime_seconds: a token with a longer life is refused. clock: monotonic
        seconds. fetch: returns the text behind a URL or raises OSError.
        """
        self._db = db
        self._url = f"{issuer_url.rstrip('/')}/.well-known/jwks.json"
        self._issuer, self._roles = issuer, frozenset(roles)
        self._rules = TokenRules(
            audience=audience, issuer=issuer, max_lifetime_seconds=max_lifetime_seconds
        )
        self._clock = clock
        self._fetch = fetch or fetcher()
        self._keys: PublicKeys = dict(keys)
        self._loaded = False
        self._next_fetch = float("-inf")
        self._published_at = float("-inf")  # the newest document that was read
        self._lock = asyncio.Lock()
        self._verified: TokenCache[Identity] = TokenCache()

    async def verify(self, token: str) -> Identity:
        """Return the identity in a valid token.

        Raises TokenExpired or TokenInvalid when the token is not valid, Unavailable when its key
        is unknown and the issuer may have published it since.
        """
        if identity := self._verified.get(token):
            return identity
        kid = kid_of(token)
        key = self._keys.get(kid) or await self._unknown_key(kid, token)
        claims = claims_of(token, key, self._rules)
        identity = self._identity(claims)
        self._verified.put(token, identity, expires_at=claims["exp"])
        return identity

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        roles = claims.get("roles")
        if not isinstance(roles, list) or not claims["sub"]:
            raise TokenInvalid
        known = self._roles & {role for role in roles if isinstance(role, str)}
        return Identity(claims["sub"], known)

    async def _unknown_key(self, kid: str, token: str) -> Ed25519PublicKey:
        """Load or fetch the key of a token. Raises TokenInvalid or Unavailable."""
        claims = unverified_claims(token, self._rules)  # a worthless token causes no fetch
        async with self._lock:
            if not self._loaded:
                await self._load()
            if kid not in self._keys and self._clock() >= self._next_fetch:
                await self._refetch()
            if key := self._keys.get(kid):
                return key
            if claims["iat"] + NOTICE_SECONDS < self._published_at:
                raise TokenInvalid  # a key of the issuer would have been published by then
            wait = self._next_fetch - self._clock()
        raise Unavailable(retry_after=max(RETRY_SECONDS, wait))

    async def _load(self) -> None:
        try:
            async with self._db.read(for_write=True) as tx:
                self._keys = {**await load_keys(tx), **self._keys}
        except DatabaseUnavailable as error:
            raise Unavailable(retry_after=RETRY_SECONDS) from error
        self._loaded = True

    async def _refetch(self) -> None:
        try:
            published = read_published(await self._fetch(self._url), self._keys, self._issuer)
        except (OSError, aiohttp.ClientError) as error:
            log.warning("keys.unavailable", error=type(error).__name__)
        except KeyFault as fault:
            log.warning("keys.not_trusted", url=self._url, reason=str(fault))
        else:
            self._published_at = max(self._published_at, published.issued_at)
            await self._add(published.keys)
        self._next_fetch = self._clock() + REFETCH_SECONDS

    async def _add(self, published: PublicKeys) -> None:
        new = {kid: key for kid, key in published.items() if kid not in self._keys}
        if not new:
            return
        self._keys = {**new, **self._keys}
        log.info("keys.added", kids=sorted(new))
        try:
            await self._db.transact(lambda tx: add_keys(tx, new))
        except DatabaseUnavailable as error:
            log.warning("keys.not_stored", error=str(error))


def fetcher(tls: ssl.SSLContext | None = None) -> Fetch:
    """Return a function that GETs a URL, without redirects and proxies of the environment.

    tls: verifies the server of an https URL; None: with the certificates of the system.
    """

    async def fetch(url: str) -> str:
        timeout = aiohttp.ClientTimeout(total=FETCH_TIMEOUT_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
            session.get(url, allow_redirects=False, ssl=tls or True) as response,
        ):
            if response.status != HTTPStatus.OK:
                raise OSError(f"the issuer answered {response.status}")
            return (await _limited(response.content)).decode(errors="replace")

    return fetch


async def _limited(content: aiohttp.StreamReader) -> bytes:
    """Return the content; of one that is too long, a part that is still too long."""
    try:
        return await content.readexactly(MAX_LENGTH + 1)
    except asyncio.IncompleteReadError as end:
        return end.partial
