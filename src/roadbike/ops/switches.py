"""How a service of a running shop is taken down and brought back."""

import asyncio
import shlex
from collections.abc import Awaitable, Callable
from typing import Any

from roadbike.local.errors import CommandError
from roadbike.local.home import Home
from roadbike.local.supervisor import control


def by_supervisor(home: Home, what: str) -> Callable[[str], Awaitable[None]]:
    """As `roadbike stop` and `roadbike start` do it."""

    async def switch(service: str) -> None:
        await asyncio.to_thread(control.ask, home, what, service)

    return switch


def by_command(template: str) -> Callable[[str], Awaitable[None]]:
    """By a command of one's own; `{service}` stands for the name.

    Raises CommandError when it fails.
    """

    async def switch(service: str) -> None:
        words = [word.format(service=service) for word in shlex.split(template)]
        process: Any = await asyncio.create_subprocess_exec(*words)
        if code := await process.wait():
            raise CommandError(f"{shlex.join(words)} failed (exit code {code})")

    return switch
