"""How commands reach the supervisor: a socket in the shop's folder, one JSON line each way."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal

import msgspec

from roadbike.local.errors import CommandError
from roadbike.local.home import Home
from roadbike.local.invocation import command_line
from roadbike.local.supervisor.keeper import View
from roadbike.local.texts import has

SOCKET: Final = "control.sock"
COMMAND_TIMEOUT_SECONDS: Final = 120.0  # the slowest are a start, and a stop of everything

Verb = Literal["views", "start", "stop", "restart", "kill", "down"]


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the supervisor is to do; `part` is empty for views and down."""

    verb: Verb
    part: str = ""


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The result of a command, or why it failed: slug, facts and details of a CommandError."""

    error: str = ""
    facts: dict[str, str] = {}
    details: tuple[str, ...] = ()
    result: Any = None


class NotRunning(CommandError):
    """No shop is open in this home."""


CarryOut = Callable[[Command], Awaitable[Any]]


async def listen(home: Home, carry_out: CarryOut) -> asyncio.Server:
    """Accept commands until the returned server is closed."""
    (home.path / SOCKET).unlink(missing_ok=True)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            command = msgspec.json.decode(await reader.readline(), type=Command)
            writer.write(msgspec.json.encode(await _reply(command, carry_out)) + b"\n")
            await writer.drain()
        except (ConnectionError, msgspec.DecodeError):
            pass  # the other side has left, or is not a command of this version
        finally:
            writer.close()

    umask = os.umask(0o177)
    try:
        with contextlib.chdir(home.path):  # the path of a socket can have about 100 bytes only
            return await asyncio.start_unix_server(serve, SOCKET)
    finally:
        os.umask(umask)


async def _reply(command: Command, carry_out: CarryOut) -> Reply:
    try:
        return Reply(result=await carry_out(command))
    except CommandError as error:
        return Reply(error=error.slug, facts=error.facts, details=error.details)


def ask(home: Home, verb: Verb, part: str = "") -> Any:
    """Send a command to the supervisor and return its result.

    Raises NotRunning when no supervisor is running, and CommandError when the command fails.
    """
    command = Command(verb=verb, part=part)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(COMMAND_TIMEOUT_SECONDS)
        try:
            with contextlib.chdir(home.path):
                connection.connect(SOCKET)
        except OSError as error:
            raise not_running(home) from error
        line = _exchange(connection, msgspec.json.encode(command) + b"\n")
    if not line:
        raise CommandError("no-answer-to-command", path=home.path, verb=verb)
    reply = msgspec.json.decode(line, type=Reply)
    if reply.error and not has(reply.error):
        raise CommandError("no-answer-to-command", path=home.path, verb=verb)
    if reply.error:
        raise CommandError.received(reply.error, reply.facts, reply.details)
    return reply.result


def _exchange(connection: socket.socket, request: bytes) -> bytes:
    """Return the answer, empty when the connection was closed without one."""
    try:
        connection.sendall(request)
        return connection.makefile("rb").readline()
    except ConnectionError:
        return b""


def views(home: Home) -> list[View]:
    """Return the state of every part. Raises NotRunning when no supervisor is running."""
    return msgspec.convert(ask(home, "views"), list[View])


def not_running(home: Home) -> NotRunning:
    return NotRunning("not-running", path=home.path, up_command=command_line("up", home))
