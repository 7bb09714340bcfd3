"""How a service of a running shop is taken down and brought back."""

import asyncio
import shlex
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from roadbike.local.errors import CommandError
from roadbike.local.home import Home
from roadbike.local.supervisor import control

ServiceAction = Callable[[str], Awaitable[None]]  # takes the service's name
Change = Callable[[str, Mapping[str, str]], Awaitable[None]]  # of settings of a service


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
        await _run(template, {"service": service, "n": str(processes)})

    return act


def changing_by_command(template: str) -> Change:
    """Return what runs this command, with NAME=VALUE … for `{settings}`.

    It raises CommandError when the command fails.
    """

    async def change(service: str, settings: Mapping[str, str]) -> None:
        pairs = " ".join(f"{name}={value}" for name, value in settings.items())
        await _run(template, {"service": service, "settings": pairs})

    return change


def by_nobody(option: str) -> ServiceAction:
    """Return an action that raises CommandError: the option with its command is missing."""

    async def act(_service: str) -> None:
        raise CommandError("drill-needs-command", option=option)

    return act


async def _run(template: str, values: Mapping[str, str]) -> None:
    words = [_filled(word, values) for word in shlex.split(template)]
    process = await asyncio.create_subprocess_exec(*words)
    if code := await process.wait():
        raise CommandError("demo-command-failed", command=shlex.join(words), exit_code=code)


def _filled(word: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        word = word.replace(f"{{{name}}}", value)
    return word
