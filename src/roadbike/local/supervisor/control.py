"""How commands reach the supervisor: a socket in the shop's folder, one JSON line each way."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from roadbike.local.errors import CommandError
from roadbike.local.home import Home
from roadbike.local.invocation import command_line
from roadbike.local.supervisor.keeper import View

SOCKET: Final = "control.sock"
LIMIT: Final = 120.0  # seconds for the longest order: a start, or a stop of everything


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`what` is views, start, stop, kill, restart or down."""

    what: str
    part: str = ""


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    trouble: str = ""
    details: tuple[str, ...] = ()
    answer: Any = None


Obey = Callable[[Order], Awaitable[Any]]


async def listen(home: Home, obey: Obey) -> asyncio.Server:
    """Reached by its name from inside the folder: a socket's path may be only 100 bytes long."""
    (home.path / SOCKET).unlink(missing_ok=True)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            order = msgspec.json.decode(await reader.readline(), type=Order)
            writer.write(msgspec.json.encode(await _reply(order, obey)) + b"\n")
            await writer.drain()
        except (ConnectionError, msgspec.DecodeError):
            pass  # whoever asked has left, or is none of ours
        finally:
            writer.close()

    before = os.umask(0o177)
    try:
        with contextlib.chdir(home.path):
            return await asyncio.start_unix_server(serve, SOCKET)
    finally:
        os.umask(before)


async def _reply(order: Order, obey: Obey) -> Reply:
    try:
        return Reply(answer=await obey(order))
    except CommandError as trouble:
        return Reply(trouble=str(trouble), details=trouble.details)


def ask(home: Home, what: str, part: str = "") -> Any:
    """The supervisor's answer to an order; no supervisor, or its refusal, is a CommandError."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(LIMIT)
        try:
            with contextlib.chdir(home.path):
                line.connect(SOCKET)
        except OSError as problem:
            raise not_running(home) from problem
        line.sendall(msgspec.json.encode(Order(what=what, part=part)) + b"\n")
        reply = msgspec.json.decode(line.makefile("rb").readline(), type=Reply)
    if reply.trouble:
        raise CommandError(reply.trouble, details=reply.details)
    return reply.answer


def views(home: Home) -> list[View]:
    return msgspec.convert(ask(home, "views"), list[View])


def not_running(home: Home) -> CommandError:
    return CommandError(
        f"no shop is running in {home.path}: start it with `{command_line('up', home)}`"
    )
