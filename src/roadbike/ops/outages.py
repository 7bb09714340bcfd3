"""How a service of a running shop is taken down and brought back."""

import asyncio
import shlex
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final, Literal

from roadbike.local.errors import CommandError
from roadbike.local.home import Home
from roadbike.local.servers.traefik import ROUTES
from roadbike.local.supervisor import control
from roadbike.local.texts import say
from roadbike.ops.people import Person, Response, wait_until

GONE_SECONDS: Final = 10.0  # for a pod that ends: its preStop, and the requests that it still has

ServiceAction = Callable[[str], Awaitable[None]]  # takes the service's name
Change = Callable[[str, Mapping[str, str]], Awaitable[None]]  # of settings of a service


async def take_down(service: str, stop: ServiceAction, person: Person) -> None:
    """Stop the service, and wait until it answers that person no more.

    Raises CommandError when it still answers after GONE_SECONDS.
    """
    await stop(service)

    def is_gone(response: Response) -> bool:
        return response.status >= HTTPStatus.INTERNAL_SERVER_ERROR

    await wait_until(
        lambda: person.ask("GET", ROUTES[service][0]),
        is_gone,
        say("demo-taken-down", service=service),
        GONE_SECONDS,
    )


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
