"""One service of an open shop, run without the supervisor and with settings of the test."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from roadbike.local import services
from roadbike.local.ports import Ports
from roadbike.local.supervisor import control, probes
from tests.system.real_shop import Shop, command_environment

SERVE: Final = Path(__file__).with_name("serve_on_bound_port.py")
TIMEOUT_SECONDS: Final = 20.0


class UnsupervisedService:
    """A process of the service on its port and with the data of an open shop."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def exit_code(self) -> int | None:
        """Wait until the process ends, and return its exit code; None if it goes on running."""
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await self._process.wait()
        except TimeoutError:
            return None

    async def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        await self._process.wait()


@asynccontextmanager
async def unsupervised(
    shop: Shop, name: str, **settings: str
) -> AsyncIterator[UnsupervisedService]:
    """Run the service with these settings inside the block, and under the supervisor after it."""
    await asyncio.to_thread(control.ask, shop.home, "stop", name)
    spec = next(spec for spec in services.SERVICES if spec.name == name)
    environ = services.environment(shop.home, Ports(shop.base), {**shop.environ, **settings}, spec)
    with shop.home.log(name).open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            SERVE,
            name,
            env=command_environment(environ),
            stdout=log,
            stderr=log,
            cwd="/",
        )
    try:
        yield UnsupervisedService(process)
    finally:
        await UnsupervisedService(process).end()
        await asyncio.to_thread(control.ask, shop.home, "start", name)


async def wait_until_ready(shop: Shop, name: str) -> None:
    """Wait until the service is ready. Raises TimeoutError."""
    await probes.wait_until(probes.http(shop.shop_file["ports"][name]), TIMEOUT_SECONDS)
