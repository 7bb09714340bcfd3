"""One service of an open shop, run apart from its supervisor with settings of the test's own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from roadbike.local import services
from roadbike.local.ports import Ports
from roadbike.local.supervisor import control, probes
from tests.system.real_shop import ROADBIKE, Shop, command_environment

PATIENCE_SECONDS: Final = 20.0


class Apart:
    """A service of the shop, its own process: `roadbike serve NAME`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ended(self) -> int | None:
        """Wait for its end by itself; the exit code, None when it goes on and on."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self._process.wait()
        except TimeoutError:
            return None

    async def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        await self._process.wait()


@asynccontextmanager
async def apart(shop: Shop, name: str, **settings: str) -> AsyncIterator[Apart]:
    """Inside the block the service runs with these settings; the supervisor's is back after it."""
    await asyncio.to_thread(control.ask, shop.home, "stop", name)
    spec = next(spec for spec in services.SERVICES if spec.name == name)
    given = services.environment(shop.home, Ports(shop.base), settings, spec)
    with shop.home.log(name).open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            ROADBIKE, "serve", name, env=command_environment(given), stdout=log, stderr=log, cwd="/"
        )
    try:
        yield Apart(process)
    finally:
        await Apart(process).end()
        await asyncio.to_thread(control.ask, shop.home, "start", name)


async def ready(shop: Shop, name: str) -> None:
    """Returns when it is ready. Raises TimeoutError."""
    await probes.wait_until(probes.http(shop.shop_file["ports"][name]), PATIENCE_SECONDS)
