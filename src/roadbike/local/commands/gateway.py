"""`roadbike set-up-gateway` and `roadbike serve-fallback`: the two parts of a gateway in a pod."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from roadbike.local.errors import CommandError
from roadbike.local.servers import fallback, pod, traefik


def write(folder: Path, environ: Mapping[str, str], url: str, trusted: Sequence[str]) -> None:
    """Write Traefik's files into the folder. Raises CommandError, SettingError."""
    try:
        files = pod.configuration(folder.absolute(), environ, url, trusted)
    except (KeyError, IndexError, ValueError):
        raise CommandError("gateway-url", url=url, example=pod.SERVICE_URL) from None
    try:
        traefik.write(folder, files, os.getegid())
    except OSError as error:
        raise CommandError("unwritable", path=folder, error=error.strerror or error) from None


def serve_fallback(port: int) -> None:
    """Answer what no service answers at that port, until SIGTERM or SIGINT."""
    asyncio.run(_serve_fallback(port))


async def _serve_fallback(port: int) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with await fallback.listen(port):
        await stopped.wait()
