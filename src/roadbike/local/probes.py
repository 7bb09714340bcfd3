"""Asks a part over its port whether it is ready."""

import asyncio
import struct
from collections.abc import Awaitable, Callable
from typing import Final

from roadbike.local.ports import HOST

PATIENCE: Final = 2.0  # seconds for one answer

LOOK: Final = 0.05  # seconds between two questions

Probe = Callable[[], Awaitable[bool]]


async def until(is_ready: Probe, within: float) -> None:
    """Raises TimeoutError after `within` seconds."""
    async with asyncio.timeout(within):
        while not await is_ready():  # noqa: ASYNC110  another process: it is asked, it cannot tell
            await asyncio.sleep(LOOK)


def http(port: int, path: str = "/readyz") -> Probe:
    """Ready when the path is answered with 200."""
    request = f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: close\r\n\r\n"
    return lambda: _answers(port, request.encode(), b"HTTP/1.1 200")


def listens(port: int) -> Probe:
    return lambda: _answers(port, b"", b"")


def nats(port: int) -> Probe:
    """Ready when it greets: it does so only after its streams are recovered."""
    return lambda: _answers(port, b"", b"INFO ")


def postgres(port: int) -> Probe:
    """Ready when it asks for a password; while it starts or recovers it answers with an error."""
    wanted = b"user\0postgres\0database\0postgres\0\0"
    startup = struct.pack("!ii", len(wanted) + 8, 196_608) + wanted  # protocol 3.0
    return lambda: _answers(port, startup, b"R")


async def _answers(port: int, request: bytes, beginning: bytes) -> bool:
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(request)
                return await reader.readexactly(len(beginning)) == beginning
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False
