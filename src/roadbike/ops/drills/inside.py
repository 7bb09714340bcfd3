"""What drills see and do inside a shop of this machine: breaker, settings, processes."""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

import aiohttp

from roadbike.kit.auth import ServiceTokens
from roadbike.kit.process import status as statuses
from roadbike.local import shop_file
from roadbike.local.errors import CommandError
from roadbike.local.home import Home
from roadbike.local.keys import OPS
from roadbike.local.replicas import service_of
from roadbike.ops import limits
from roadbike.ops.drills.drill import Size
from roadbike.ops.drills.report import Report
from roadbike.ops.drills.shop import DrilledShop
from roadbike.ops.people import Person

LOOK_SECONDS: Final = 0.05
STATUS_PATH: Final = "/internal/status"
RESERVATION: Final = "reservation"
PAYMENT: Final = "payment"
FOLDER_MODE: Final = 0o755  # services may run as another user
FILE_MODE: Final = 0o644
QUIET_SECONDS: Final = 240.0
WARM: Final = 20  # reservations
WARM_SECONDS: Final = 120.0


def home_of(shop: DrilledShop) -> Home:
    """Return the home of the shop. Raises CommandError when it is elsewhere."""
    if shop.home is None:
        raise CommandError("drill-needs-home")
    return shop.home


class ChangingSettings:
    """Settings of the drill's own shop that the drill changes: each is read from a file.

    A service has a changed one after its restart.
    """

    def __init__(self, **defaults: int) -> None:
        self._defaults = {f"ROADBIKE_{name.upper()}": number for name, number in defaults.items()}

    @property
    def _folder(self) -> Path:
        return Path(tempfile.gettempdir()) / f"roadbike-drill-settings-{os.getpid()}"

    def for_own_shop(self, _size: Size) -> Mapping[str, str]:
        """Return the environment of the shop, and write the files with the defaults."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        self._folder.chmod(FOLDER_MODE)
        for name, number in self._defaults.items():
            self._write(name, number)
        return {f"{name}_FILE": str(self._folder / name) for name in self._defaults}

    async def change(self, shop: DrilledShop, service: str, **numbers: int) -> None:
        """Set them and restart the service.

        Raises CommandError in a shop that is not our own, without a command that does it.
        """
        if shop.change is not None:
            named = {f"ROADBIKE_{name.upper()}": str(number) for name, number in numbers.items()}
            await shop.change(service, named)
            return
        if not self._folder.exists():
            raise CommandError("drill-own-shop-only")
        for name, number in numbers.items():
            self._write(f"ROADBIKE_{name.upper()}", number)
        await shop.restart(service)

    def _write(self, name: str, number: int) -> None:
        path = self._folder / name
        path.write_text(str(number))
        path.chmod(FILE_MODE)

    def forget(self) -> None:
        """Delete the files."""
        shutil.rmtree(self._folder, ignore_errors=True)


@dataclass(frozen=True)
class Changed:
    """A change of the breaker: to which state, and when, in seconds of the monotonic clock."""

    state: str
    at: float


class Breaker:
    """The breaker in front of payment, as reservation's status reports it."""

    def __init__(self, home: Home, http: aiohttp.ClientSession) -> None:
        known = shop_file.read_known(home)
        self._url = known.addresses[RESERVATION] + STATUS_PATH
        self._http = http
        self._tokens = ServiceTokens(OPS, Path(known.ops_key).read_text(), '{"keys": []}')

    async def changes(self) -> tuple[str, list[Changed]]:
        """Return its state, and its changes in their order."""
        headers = self._tokens.headers(RESERVATION, "GET", STATUS_PATH)
        async with self._http.get(self._url, headers=headers) as response:
            now, body = time.monotonic(), await response.read()
        report = statuses.decode(body).breakers[PAYMENT]
        return report.state, [
            Changed(each.state, now - each.seconds_ago) for each in report.changes
        ]

    async def until(self, state: str, seconds: float) -> bool:
        """Return whether it is in that state within so many seconds."""
        end = time.monotonic() + seconds
        while (await self.changes())[0] != state:
            if time.monotonic() > end:
                return False
            await asyncio.sleep(LOOK_SECONDS)
        return True


async def warm_up(shop: DrilledShop, buyer: Person, bike_id: int) -> None:
    """Reserve until some in a row are made: what runs for the first time takes longer.

    Raises CommandError when the machine is too slow for that.
    """
    shop.say("drill-warming-up")
    end, in_a_row = time.monotonic() + WARM_SECONDS, 0
    while in_a_row < WARM:
        made = await buyer.ask("POST", "/reservations", {"bikeId": bike_id})
        in_a_row = in_a_row + 1 if made.status == HTTPStatus.CREATED else 0
        if time.monotonic() > end:
            raise CommandError("drill-too-slow", seconds=f"{WARM_SECONDS:g}")
        await asyncio.sleep(LOOK_SECONDS)


def pids(home: Home, service: str) -> list[int]:
    """Return the process ids of the service."""
    known = shop_file.read_known(home).pids
    return [pid for part, pid in known.items() if service_of(part) == service]


def in_time(
    report: Report, size: Size, name: str, seconds: float, *, wanted: float, never: float
) -> None:
    """Check a time. It fails over `never` seconds, and over `wanted` ones only if asked to."""
    limit = wanted if size.strict else never
    facts = {"seconds": f"{seconds:.2f}", "wanted": f"{wanted:g}", "limit": f"{limit:g}"}
    report.check(name, passed=seconds <= limit, **facts)


def say_limits(report: Report, home: Home) -> None:
    """Note which limits of requests are on."""
    report.figure("limits", limits=limits.in_words(limits.limits_of(home)))
