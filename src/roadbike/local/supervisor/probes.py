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
    return lambda: _answers(port, _get(port, path), b"HTTP/1.1 200")


def routes(port: int, path: str) -> Probe:
    """Ready when it knows whom to ask, whatever is answered: before, all is 404 to a gateway."""
    known = (b"HTTP/1.1 200", b"HTTP/1.1 401", b"HTTP/1.1 503")
    return lambda: _answers(port, _get(port, path), *known)


def serves(port: int, path: str) -> Probe:
    """Ready when the gateway has found whom to ask, whatever that one answers."""
    known = (b"HTTP/1.1 200", b"HTTP/1.1 401", b"HTTP/1.1 404", b"HTTP/1.1 405")
    return lambda: _answers(port, _get(port, path), *known)


def nats(port: int) -> Probe:
    """Ready when it greets: it does so only after its streams are recovered."""
    return lambda: _answers(port, b"", b"INFO ")


def postgres(port: int) -> Probe:
    """Ready when it asks for a password; while it starts or recovers it answers with an error."""
    wanted = b"user\0postgres\0database\0postgres\0\0"
    startup = struct.pack("!ii", len(wanted) + 8, 196_608) + wanted  # protocol 3.0
    return lambda: _answers(port, startup, b"R")


def _get(port: int, path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: close\r\n\r\n".encode()


async def _answers(port: int, request: bytes, *beginnings: bytes) -> bool:
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(request)
                return await reader.readexactly(len(beginnings[0])) in beginnings
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False
