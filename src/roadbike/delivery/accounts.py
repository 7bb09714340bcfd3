"""The call to account that asks who a buyer's parcels go to, and where."""

import ssl
from http import HTTPStatus
from typing import Final, Protocol, Self
from urllib.parse import quote

import aiohttp
import msgspec

from roadbike.contracts.accounts import Contact
from roadbike.kit.auth import ServiceTokens
from roadbike.kit.metrics import measured_call
from roadbike.kit.process.http_client import http_session
from roadbike.kit.pure.refusals import Unavailable
from roadbike.kit.trace import current_traceparent

TIMEOUT_SECONDS: Final = 1.0
MAX_CALLS: Final = 10  # at the same time
RETRY_SECONDS: Final = 2.0


class AddressUnavailable(Unavailable):
    """Account does not say where the buyer's parcels go; staff or the buyer can type it in."""

    slug = "address-unavailable"


class Accounts(Protocol):
    """What delivery needs of account."""

    async def contact(self, user_id: str) -> Contact:
        """Return what account knows of this user. Raises AddressUnavailable."""


class HttpAccounts:
    """Account over HTTP. Its connections are opened and closed with the service.

    tls: verifies account's certificate at an https URL; None: with those of the system.
    """

    def __init__(self, url: str, tokens: ServiceTokens, tls: ssl.SSLContext | None = None) -> None:
        self._url = url
        self._tokens = tokens
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        self._session = http_session(self._tls, limit=MAX_CALLS, timeout=timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def contact(self, user_id: str) -> Contact:
        """Return what account knows of this user; nothing when it does not know the user."""
        try:
            status, body = await self._get(user_id)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise AddressUnavailable(retry_after=RETRY_SECONDS) from error
        if status == HTTPStatus.NOT_FOUND:
            return Contact()
        if status != HTTPStatus.OK:
            raise AddressUnavailable(retry_after=RETRY_SECONDS)
        try:
            return msgspec.json.decode(body, type=Contact)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise AddressUnavailable(retry_after=RETRY_SECONDS) from error

    async def _get(self, user_id: str) -> tuple[int, bytes]:
        assert self._session is not None  # opened with the service
        traceparent = current_traceparent()
        request = self._session.get(
            f"{self._url}/internal/accounts/{quote(user_id, safe='')}/contact",
            headers={} if traceparent is None else {"traceparent": traceparent},
            middlewares=(
                self._tokens.signing("account", "GET", f"/internal/accounts/{user_id}/contact"),
            ),
            allow_redirects=False,
        )
        with measured_call("account", "contact"):
            async with request as response:
                return response.status, await response.read()
