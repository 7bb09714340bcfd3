"""Access tokens of people: signed by account, checked here with keys kept in our own database."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Protocol

import aiohttp
import structlog

from roadbike.kit.auth.cache import Remembered
from roadbike.kit.auth.keys import PublicKeys, claims_of, kid_of, public_keys
from roadbike.kit.auth.store import keep_keys, load_keys
from roadbike.kit.db import Database, DatabaseUnavailable
from roadbike.kit.pure.refusals import Unauthenticated, Unavailable

ISSUER: Final = "roadbike-account"
AUDIENCE: Final = "shop"
ROLES: Final = frozenset({"buyer", "admin"})
REFETCH_S: Final = 30.0  # at most one fetch in this time, however many unknown keys are named
FIRST_FETCH_S: Final = 1.0  # while there is no key at all, nobody can be let in: ask sooner
FETCH_TIMEOUT_S: Final = 2.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a token was given to, and the roles it carries."""

    user_id: str
    roles: frozenset[str]


class Verifier(Protocol):
    """Tells who a token belongs to."""

    async def verify(self, token: str) -> Identity:
        """Raise Unauthenticated when it does not hold, Unavailable when that cannot be told."""
        ...


class TokenVerifier:
    """Checks access tokens: EdDSA, iss, aud = shop, exp, iat, sub, key by kid.

    The keys are read from the table verification_key once; an unknown kid lets them be fetched
    from account's JWKS, at most once per REFETCH_S.
    """

    def __init__(
        self,
        db: Database,
        account_url: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        fetch: Callable[[str], Awaitable[str]] | None = None,
    ) -> None:
        """Keep `account_url` (no path); `fetch` returns the text behind a URL or raises OSError."""
        self._db = db
        self._url = f"{account_url.rstrip('/')}/.well-known/jwks.json"
        self._clock = clock
        self._fetch = fetch or _fetched
        self._keys: PublicKeys = {}
        self._loaded = False
        self._next_fetch = float("-inf")
        self._failed = False  # the last fetch brought nothing: an unknown key may be a good one
        self._one_at_a_time = asyncio.Lock()
        self._known: Remembered[Identity] = Remembered()

    async def verify(self, token: str) -> Identity:
        """Return whose token it is. Raises Unauthenticated, or Unavailable without its key."""
        if identity := self._known.get(token):
            return identity
        kid = kid_of(token)
        key = self._keys.get(kid) or (await self._found(kid)).get(kid)
        if key is None:
            raise self._unknown()
        claims = claims_of(token, key, audience=AUDIENCE, issuer=ISSUER)
        identity = _identity(claims)
        self._known.put(token, identity, until=claims["exp"])
        return identity

    async def _found(self, kid: str) -> PublicKeys:
        async with self._one_at_a_time:
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
            raise Unavailable(retry_after=1) from error
        self._loaded = True

    async def _refetch(self) -> None:
        text = await self._asked()
        self._failed = text is None
        if text is not None:
            self._keys = public_keys(text)
            self._known.clear()
            await self._keep(text)
        self._next_fetch = self._clock() + (REFETCH_S if self._keys else FIRST_FETCH_S)

    async def _asked(self) -> str | None:
        """Return account's JWKS; None when it cannot be had or has no key."""
        try:
            text = await self._fetch(self._url)
            return text if public_keys(text) else None
        except (OSError, aiohttp.ClientError, ValueError) as error:
            log.warning("keys.unavailable", error=type(error).__name__)
            return None

    async def _keep(self, text: str) -> None:
        try:
            await self._db.transact(lambda tx: keep_keys(tx, _by_kid(text)))
        except DatabaseUnavailable as error:
            log.warning("keys.not_kept", error=str(error))

    def _unknown(self) -> Unauthenticated | Unavailable:
        if self._failed:
            return Unavailable(retry_after=max(1.0, self._next_fetch - self._clock()))
        return Unauthenticated()


def _identity(claims: Mapping[str, Any]) -> Identity:
    roles = claims.get("roles")
    if not isinstance(roles, list) or not claims["sub"]:
        raise Unauthenticated
    return Identity(claims["sub"], ROLES & {role for role in roles if isinstance(role, str)})


def _by_kid(jwks: str) -> dict[str, dict[str, str]]:
    return {jwk["kid"]: _public(jwk) for jwk in json.loads(jwks)["keys"]}


def _public(jwk: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in jwk.items() if name != "d"}


async def _fetched(url: str) -> str:
    """Ask once, follow nothing, read no proxy from the environment."""
    timeout = aiohttp.ClientTimeout(total=FETCH_TIMEOUT_S)
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
        session.get(url, allow_redirects=False) as answer,
    ):
        if answer.status != HTTPStatus.OK:
            raise OSError(f"account answered {answer.status}")
        return await answer.text()
