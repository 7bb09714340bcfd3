"""A replica of the storefront is ready when it can show a page, and not before."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp
from aiohttp import web

from roadbike.kit.db import migrate
from roadbike.kit.messaging.broker.memory import MemoryBroker, MemoryLog
from roadbike.kit.process.first_requests import FirstRequests
from roadbike.kit.process.server import Server, running
from roadbike.serve import SHOP
from roadbike.storefront import app
from tests.service_harness import settings

PATIENCE: Final = 20
PEERS: Final = ("stock", "reservation", "payment", "delivery", "mypage", "account")
BIKE: Final = {
    "bikeId": 1,
    "bikeNm": "화살",
    "price": 1,
    "free": 1,
    "asOf": "2026-11-27T00:00:00Z",
}


class OtherServices:
    """All other services behind one port. status: of their answers. asked: for which paths."""

    def __init__(self) -> None:
        self.status = 503
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        body = {"_embedded": {"stocks": [BIKE]}, "_links": {}}
        return web.json_response(body, status=self.status)


@asynccontextmanager
async def served(others: OtherServices) -> AsyncIterator[str]:
    """Serve them and yield their URL."""
    runner = web.AppRunner(made := web.Application())
    made.router.add_route("*", "/{path:.*}", others.answer)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def storefront(url: str, database: str) -> AsyncIterator[Server]:
    await asyncio.to_thread(migrate.upgrade, "roadbike.storefront", database)
    urls = {f"{peer}_url": url for peer in PEERS}
    service = app.build(app.Settings(**settings("storefront", database) | urls))
    async with running(service, "roadbike.storefront", MemoryBroker(MemoryLog()), SHOP) as server:
        yield server


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not is_so():  # noqa: ASYNC110 what it waits for lies in the server
            await asyncio.sleep(0.01)


async def test_a_new_replica_is_ready_when_its_first_page_was_shown(tmp_path: Any) -> None:
    others = OtherServices()
    async with (
        served(others) as url,
        storefront(url, f"sqlite+aiosqlite:///{tmp_path}/storefront") as server,
        aiohttp.ClientSession() as browser,
    ):
        await until(lambda: server.database.usable and "/reservations/catalogue" in others.asked)
        assert not server.ready

        others.status = 200
        await until(lambda: server.ready)
        others.status = 503
        async with browser.get(server.url) as page:
            assert page.status == 200
            assert "화살" in await page.text()


async def test_a_replica_does_not_wait_for_another_service_for_good() -> None:
    async def failing(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 503, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    first = FirstRequests(["/"], longest_seconds=0.3)
    assert not first.are_answered
    await first.ask(failing)

    assert first.are_answered


async def test_an_app_that_raises_or_hangs_does_not_keep_a_replica_from_being_ready() -> None:
    async def raising(_scope: Any, _receive: Any, _send: Any) -> None:
        raise RuntimeError

    async def hanging(_scope: Any, _receive: Any, _send: Any) -> None:
        await asyncio.Event().wait()

    for app_ in (raising, hanging):
        first = FirstRequests(["/"], longest_seconds=0.3)
        await first.ask(app_)
        assert first.are_answered


async def test_without_first_requests_a_replica_is_ready_at_once() -> None:
    assert FirstRequests([]).are_answered
