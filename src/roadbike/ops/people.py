"""Somebody who uses a running shop through its gateway, with a log-in of theirs."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, TypeVar

import aiohttp

from roadbike.local.errors import CommandError

T = TypeVar("T")

PATIENCE_SECONDS: Final = 10.0
LOOK_AGAIN_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Answer:
    """What the shop said. `retry_after`: seconds, when it asks to come back later."""

    status: int
    body: Any
    etag: str | None
    retry_after: float | None


class Person:
    """Speaks to the gateway; logs in when first needed and again at half the token's life."""

    def __init__(self, http: aiohttp.ClientSession, gateway: str, user: str, password: str) -> None:
        self.user = user
        self._http, self._gateway, self._password = http, gateway, password
        self._token = ""
        self._renew_at = float("-inf")

    async def get(self, path: str) -> Any:
        """The body. Raises CommandError for anything but a 200."""
        return (await self.ask("GET", path, wanted=200)).body

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        wanted: int | None = None,
        **headers: str,
    ) -> Answer:
        """Raises CommandError when the shop does not answer, or not with the wanted status."""
        if time.monotonic() >= self._renew_at:
            await self._log_in()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named["Authorization"] = f"Bearer {self._token}"
        answer = await self._send(method, path, body, named)
        if wanted is not None and answer.status != wanted:
            raise CommandError(
                f"{method} {path}: expected {wanted}, got {answer.status} {answer.body}"
            )
        return answer

    async def _log_in(self) -> None:
        login = {"userId": self.user, "password": self._password}
        answer = await self._send("POST", "/accounts/tokens", login, {})
        if answer.status != HTTPStatus.OK:
            raise CommandError(f"log-in of {self.user} was refused: {answer.status} {answer.body}")
        self._token = answer.body["access_token"]
        self._renew_at = time.monotonic() + answer.body["expires_in"] / 2

    async def _send(self, method: str, path: str, body: object, headers: dict[str, str]) -> Answer:
        try:
            async with self._http.request(
                method, self._gateway + path, json=body, headers=headers
            ) as response:
                told = await response.json(content_type=None)
                retry_after = response.headers.get("Retry-After")
                return Answer(
                    response.status,
                    told,
                    response.headers.get("ETag"),
                    float(retry_after) if retry_after else None,
                )
        except (aiohttp.ClientError, TimeoutError) as problem:
            raise CommandError(
                f"{self._gateway} does not answer ({problem}): is it open?"
            ) from None


async def until(
    look: Callable[[], Awaitable[T]],
    right: Callable[[T], bool],
    what: str,
    seconds: float = PATIENCE_SECONDS,
) -> T:
    """Look again and again until it is right. Raises CommandError with what was seen last."""
    end = time.monotonic() + seconds
    while not right(seen := await look()):
        if time.monotonic() > end:
            raise CommandError(f"{what}: not so within {seconds:g} s; last seen: {seen}")
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
    return seen
