"""A user of a running shop, who logs in and sends requests through the gateway."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final, TypeVar

import aiohttp

from roadbike.local.errors import CommandError
from roadbike.ops.journal import Journal

T = TypeVar("T")

TIMEOUT_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.05
LOG_IN: Final = "/accounts/tokens"


@dataclass(frozen=True, slots=True)
class Response:
    """What the shop answered. retry_after: seconds after which the request may be repeated."""

    status: int
    body: Any
    etag: str | None
    retry_after: float | None


class Person:
    """Sends requests as one user; logs in when needed, and again at half the token's life.

    journal: where every request that may change something is noted, with its answer.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        gateway: str,
        user: str,
        password: str,
        journal: Journal | None = None,
    ) -> None:
        self.user = user
        self._journal = journal
        self._http, self._gateway, self._password = http, gateway, password
        self._token = ""
        self._renew_at = float("-inf")

    @classmethod
    def with_token(cls, http: aiohttp.ClientSession, gateway: str, token: str) -> "Person":
        """Return the person whose access token this is; it is not renewed."""
        person = cls(http, gateway, "", "")
        person._token, person._renew_at = token, float("inf")
        return person

    async def get(self, path: str) -> Any:
        """Return the body. Raises CommandError for anything but a 200."""
        return (await self.ask("GET", path, wanted=200)).body

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        wanted: int | None = None,
        **headers: str,
    ) -> Response:
        """Send a request; a header is named with underscores.

        Raises CommandError when the shop does not answer, or with another status than `wanted`.
        """
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named["Authorization"] = f"Bearer {await self.token()}"
        response = await self.send(method, path, body, named)
        if wanted is not None and response.status != wanted:
            raise CommandError(
                "demo-unexpected",
                method=method,
                path=path,
                wanted=wanted,
                status=response.status,
                body=response.body,
            )
        return response

    async def token(self) -> str:
        """Return a valid access token. Raises CommandError when the log-in is refused."""
        if time.monotonic() >= self._renew_at:
            await self._log_in()
        return self._token

    async def _log_in(self) -> None:
        login = {"userId": self.user, "password": self._password}
        response = await self.send("POST", LOG_IN, login, {})
        if response.status != HTTPStatus.OK:
            reason = f"{response.status} {response.body}"
            raise CommandError("log-in-refused", user=self.user, reason=reason)
        self._token = response.body["access_token"]
        self._renew_at = time.monotonic() + response.body["expires_in"] / 2

    async def send(self, method: str, path: str, body: object, headers: dict[str, str]) -> Response:
        """Send a request without a token. Raises CommandError when the shop does not answer."""
        began = datetime.now(UTC)
        try:
            async with self._http.request(
                method, self._gateway + path, json=body, headers=headers
            ) as response:
                answer = await response.read()
                content = await response.json(content_type=None)
                self._note(method, path, headers, began, response.status, answer, content)
                retry_after = response.headers.get("Retry-After")
                return Response(
                    response.status,
                    content,
                    response.headers.get("ETag"),
                    float(retry_after) if retry_after else None,
                )
        except (aiohttp.ClientError, TimeoutError) as error:
            self._note(method, path, headers, began)
            raise CommandError("gateway-silent", gateway=self._gateway, error=error) from None

    def _note(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        began: datetime,
        status: int = 0,
        answer: bytes | None = None,
        content: Any = None,
    ) -> None:
        if self._journal is None or method == "GET" or path == LOG_IN:
            return
        about = content if isinstance(content, dict) else {}
        self._journal.note(
            *(self.user, method, path, began),
            status=status,
            key=headers.get("Idempotency-Key"),
            id_=about.get("reserveId") or about.get("payId"),
            answer=answer,
        )


async def wait_until(
    look: Callable[[], Awaitable[T]],
    is_right: Callable[[T], bool],
    what: str,
    seconds: float = TIMEOUT_SECONDS,
) -> T:
    """Look repeatedly and return the first right result.

    Raises CommandError that names `what` was expected and what was seen last.
    """
    end = time.monotonic() + seconds
    while not is_right(seen := await look()):
        if time.monotonic() > end:
            raise CommandError("demo-not-in-time", what=what, seconds=f"{seconds:g}", seen=seen)
        await asyncio.sleep(POLL_SECONDS)
    return seen
