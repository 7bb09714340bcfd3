"""Checks over a part's port whether the part is ready, and whether it is alive."""

import asyncio
import struct
from collections.abc import Awaitable, Callable, Collection
from http import HTTPStatus
from typing import Final

from roadbike.local.ports import HOST

ANSWER_TIMEOUT_SECONDS: Final = 2.0
PATIENCE_SECONDS: Final = 60.0  # of checks for life, whose caller has a limit of its own
INTERVAL_SECONDS: Final = 0.05

Probe = Callable[[], Awaitable[bool]]


async def wait_until(is_ready: Probe, seconds: float) -> None:
    """Repeat the probe until it succeeds. Raises TimeoutError after so many seconds."""
    async with asyncio.timeout(seconds):
        while not await is_ready():  # noqa: ASYNC110  another process: it cannot notify this one
            await asyncio.sleep(INTERVAL_SECONDS)


def http(port: int, path: str = "/readyz", *, accept: Collection[int] = (HTTPStatus.OK,)) -> Probe:
    """Succeed when GET of the path is answered with one of these statuses."""
    request = f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: close\r\n\r\n"
    answers = [f"HTTP/1.1 {status:d}".encode() for status in accept]
    return lambda: _answers(port, request.encode(), *answers)


def http_life(port: int, path: str = "/livez", *, host: str = HOST) -> Probe:
    """Succeed when GET of the path is answered, whatever the answer is."""
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    return lambda: _answers(port, request.encode(), b"HTTP/1.1 ", seconds=PATIENCE_SECONDS)


def nats(port: int, *, seconds: float = ANSWER_TIMEOUT_SECONDS) -> Probe:
    """Succeed when NATS sends its greeting, which it does only after recovering its streams."""
    return lambda: _answers(port, b"", b"INFO ", seconds=seconds)


def postgres(port: int, *, seconds: float = ANSWER_TIMEOUT_SECONDS) -> Probe:
    """Succeed when PostgreSQL asks for a password; while starting it answers with an error."""
    parameters = b"user\0postgres\0database\0postgres\0\0"
    startup = struct.pack("!ii", len(parameters) + 8, 196_608) + parameters  # protocol 3.0
    return lambda: _answers(port, startup, b"R", seconds=seconds)


async def _answers(
    port: int, request: bytes, *beginnings: bytes, seconds: float = ANSWER_TIMEOUT_SECONDS
) -> bool:
    """Whether the answer begins with one of these, which are of the same length."""
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(request)
                return await reader.readexactly(len(beginnings[0])) in beginnings
            finally:
                writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False
