"""How a service of a running shop is taken down and brought back."""

import asyncio
import shlex
from collections.abc import Awaitable, Callable
from typing import Literal

from roadbike.local.errors import CommandError
from roadbike.local.home import Home
from roadbike.local.supervisor import control

ServiceAction = Callable[[str], Awaitable[None]]  # takes the service's name


def by_supervisor(home: Home, verb: Literal["start", "stop", "restart"]) -> ServiceAction:
    """Return the action of `roadbike start`, `roadbike stop` or `roadbike restart`."""

    async def act(service: str) -> None:
        await asyncio.to_thread(control.ask, home, verb, service)

    return act


def by_command(template: str, processes: int = 0) -> ServiceAction:
    """Return an action that runs this command, with the service's name for `{service}`.

    processes: how many the service is to have, for `{n}`.
    The action raises CommandError when the command fails.
    """

    async def act(service: str) -> None:
        words = [_filled(word, service, processes) for word in shlex.split(template)]
        process = await asyncio.create_subprocess_exec(*words)
        if code := await process.wait():
            raise CommandError("demo-command-failed", command=shlex.join(words), exit_code=code)

    return act


def by_nobody(option: str) -> ServiceAction:
    """Return an action that raises CommandError: the option with its command is missing."""

    async def act(_service: str) -> None:
        raise CommandError("drill-needs-command", option=option)

    return act


def _filled(word: str, service: str, processes: int) -> str:
    return word.replace("{service}", service).replace("{n}", str(processes))
