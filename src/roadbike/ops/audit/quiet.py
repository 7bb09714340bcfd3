"""Waits until a shop is quiet: no service has anything left to do, twice in a row."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from roadbike.kit.auth import ServiceTokens
from roadbike.kit.process import status as statuses
from roadbike.local import replicas
from roadbike.local.commands.status import STATUS_PATH
from roadbike.local.http import call
from roadbike.local.keys import OPS
from roadbike.local.shop_file import ShopFile
from roadbike.local.texts import language, say

MUST_BE_ZERO: Final = ("unsent", "lag", "parked", "unanswered", "pending", "unsettled")
PAUSE_SECONDS: Final = 0.25
ANSWER_SECONDS: Final = 2.0

Status = Mapping[str, Any] | str  # a string says why there is none
Statuses = Callable[[], Awaitable[Mapping[str, Status]]]  # of each process of a service, by name


async def busy_after(look: Statuses, seconds: float) -> dict[str, Any]:
    """Wait until the shop is quiet; return what is left to do after so many seconds, by service.

    An event that moves on while the services are asked one after the other is noticed by the
    number of published events, which has to stay the same between two looks.
    """
    end, before = time.monotonic() + seconds, None
    while True:
        seen = await look()
        busy = {name: left for name, status in seen.items() if (left := _left(status))}
        published = _published(seen)
        if not busy and published == before:
            return {}
        if time.monotonic() > end:
            return busy or {name: say("audit-still-publishing") for name in published}
        before = published if not busy else None
        await asyncio.sleep(PAUSE_SECONDS)


def statuses_of(shop: ShopFile) -> Statuses:
    """Return what asks every process of the shop for its status."""

    async def look() -> Mapping[str, Status]:
        return await asyncio.to_thread(ask_statuses, shop)

    return look


def ask_statuses(shop: ShopFile) -> dict[str, Status]:
    """Return what every process of the shop answers."""
    tokens = ServiceTokens(OPS, Path(shop.ops_key).read_text(), '{"keys": []}')
    names = [name for name in shop.ports if replicas.service_of(name) in shop.databases]

    def ask(name: str) -> Status:
        headers = tokens.headers(replicas.service_of(name), "GET", STATUS_PATH)
        language_ = {"Accept-Language": language(os.environ)}
        try:
            body = call(
                f"{shop.addresses[name]}{STATUS_PATH}",
                headers=headers | language_,
                timeout=ANSWER_SECONDS,
            )
            return statuses.decode(body).flat()
        except (OSError, ValueError) as error:
            return say("does-not-answer", error=error)

    with ThreadPoolExecutor(max_workers=len(names)) as pool:
        return dict(zip(names, pool.map(ask, names), strict=True))


def _left(status: Status) -> Any:
    if isinstance(status, str):
        return status
    if not status.get("ready", False):
        return say("audit-not-ready")
    return {name: status[name] for name in MUST_BE_ZERO if status.get(name, 0) != 0}


def _published(seen: Mapping[str, Status]) -> dict[str, int]:
    return {
        name: status["published"]
        for name, status in seen.items()
        if not isinstance(status, str) and "published" in status
    }
