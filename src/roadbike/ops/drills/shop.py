"""The shop that is drilled: one of its own, the open one of a home, or one elsewhere."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Final

import aiohttp

from roadbike.local import shop_file
from roadbike.local.errors import CommandError
from roadbike.local.home import Home
from roadbike.local.supervisor import control
from roadbike.local.texts import say
from roadbike.ops import outages
from roadbike.ops.drills.answers import Answer
from roadbike.ops.drills.load import Plan
from roadbike.ops.journal import Journal, Line
from roadbike.ops.outages import Change, ServiceAction
from roadbike.ops.people import Person, wait_until
from roadbike.ops.stage import PRICE

SIGN_UPS_AT_ONCE: Final = 4  # account hashes one password after the other
KNOWN_SECONDS: Final = 30.0


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """How a shop that is not on this machine is reached, and how its services are stopped.

    gateway, token_file: its address, and a file with an access token of staff; or home: the folder
    with its shop.json, for drills that look into services and databases.
    stopper, starter, restarter: commands with {service}, and with {n} for its number of processes.
    Without a starter, a stopper with {n} starts, too; a drill that needs one that is missing
    cannot be played. setter: a command with {service} and {settings}.
    replicas: processes of a service that runs.
    """

    gateway: str = ""
    token_file: Path | None = None
    home: Home | None = None
    setter: str | None = None
    stopper: str | None = None
    starter: str | None = None
    restarter: str | None = None
    replicas: int = 2

    @property
    def stop(self) -> ServiceAction:
        return _by(self.stopper, 0, "--stopper")

    @property
    def start(self) -> ServiceAction:
        scales = self.stopper is not None and "{n}" in self.stopper
        return _by(self.starter or (self.stopper if scales else None), self.replicas, "--starter")

    @property
    def restart(self) -> ServiceAction:
        return _by(self.restarter, self.replicas, "--restarter")

    @property
    def change(self) -> Change | None:
        return outages.changing_by_command(self.setter) if self.setter else None


def _by(template: str | None, processes: int, option: str) -> ServiceAction:
    if template is None:
        return outages.by_nobody(option)
    return outages.by_command(template, processes)


@dataclass(kw_only=True)
class DrilledShop:
    """The shop, and what every drill does with it.

    home: None when the shop is elsewhere. admin: a member of staff.
    stop, start, restart: of all processes of a service. change: of its settings, followed by a
    restart; None on one machine. note: prints what is done now.
    journal: of what the buyers were answered, for the audit at the end; None elsewhere.
    """

    gateway: str
    http: aiohttp.ClientSession
    home: Home | None
    admin: Person
    stop: ServiceAction
    start: ServiceAction
    restart: ServiceAction
    note: Callable[[str], None]
    journal: Journal | None = None
    change: Change | None = None

    def say(self, slug: str, **facts: object) -> None:
        """Print what the drill does now."""
        self.note(say(slug, **facts))

    async def bike(self, units: int) -> int:
        """Put a bike on sale and return its number when reservation sells it."""
        new = {"bikeNm": "훈련 로드 54", "price": PRICE, "stockQty": units, "brand": "훈련"}
        bike_id: int = (await self.admin.ask("POST", "/stocks", new, wanted=201)).body["bikeId"]

        async def copies() -> list[int]:
            path = "/reservations/catalogue?size=100"
            found = await self.admin.get(path)
            if (last := found["page"]["totalPages"] - 1) > 0:  # new bikes come last
                found = await self.admin.get(f"{path}&page={last}")
            return [bike["bikeId"] for bike in found["_embedded"]["stocks"]]

        what = say("drill-bike-is-sold", bike=bike_id)
        await wait_until(copies, lambda copied: bike_id in copied, what, KNOWN_SECONDS)
        return bike_id

    def write_journal(
        self, plan: Plan, answers: Iterable[Answer], buyers: Sequence[Person]
    ) -> None:
        """Note what was answered to the POSTs of a load. buyers: whose tokens the plan has."""
        if self.journal is None:
            return
        zero = datetime.now(UTC) - timedelta(seconds=time.monotonic())
        for answer in answers:
            call, began = plan.calls[answer.call], zero + timedelta(seconds=answer.sent)
            if call.method == "POST":
                self.journal.write(
                    Line(
                        user_id=buyers[answer.user].user,
                        method=call.method,
                        path=call.path,
                        began=began,
                        ended=began + timedelta(milliseconds=answer.ms),
                        status=max(answer.status, 0),
                        key=answer.key,
                        id=answer.found or None,
                    )
                )

    async def withdraw(self, bike_id: int) -> None:
        """Take the drill's bike off sale."""
        found = await self.admin.ask("GET", f"/stocks/{bike_id}", wanted=200)
        etag = found.etag or ""
        await self.admin.ask("DELETE", f"/stocks/{bike_id}", wanted=204, If_Match=etag)

    async def buyers(self, count: int) -> list[Person]:
        """Sign up so many buyers and log them in.

        Raises CommandError when the shop limits sign-ups.
        """
        places, run = asyncio.Semaphore(SIGN_UPS_AT_ONCE), secrets.token_hex(4)

        async def sign_up(number: int) -> Person:
            user, password = f"drill-{run}-{number}", secrets.token_urlsafe(16)
            buyer = Person(self.http, self.gateway, user, password)
            async with places:
                new = {"userId": user, "password": password, "userNm": "훈련 구매자"}
                made = await buyer.send("POST", "/accounts", new, {})
                if made.status == HTTPStatus.TOO_MANY_REQUESTS:
                    raise CommandError("drill-sign-ups-limited", count=count)
                if made.status != HTTPStatus.CREATED:
                    raise CommandError("drill-no-sign-up", status=made.status, body=made.body)
                await buyer.token()
            return buyer

        return await asyncio.gather(*(sign_up(number) for number in range(count)))


def _at_home(home: Home, http: aiohttp.ClientSession, note: Callable[[str], None]) -> DrilledShop:
    """Return the open shop of that home. Raises NotRunning when none is open there."""
    control.views(home)
    known = shop_file.read_known(home)
    return DrilledShop(
        gateway=known.gateway,
        http=http,
        home=home,
        admin=Person(http, known.gateway, "admin", known.logins["admin"]),
        stop=outages.by_supervisor(home, "stop"),
        start=outages.by_supervisor(home, "start"),
        restart=outages.by_supervisor(home, "restart"),
        note=note,
    )


def _elsewhere(
    at: Elsewhere, http: aiohttp.ClientSession, note: Callable[[str], None]
) -> DrilledShop:
    gateway = at.gateway
    if at.home is not None:
        known = shop_file.read_known(at.home)
        gateway = known.gateway
        admin = Person(http, gateway, "admin", known.logins["admin"])
    else:
        token = at.token_file.read_text().strip() if at.token_file else ""
        admin = Person.with_token(http, gateway, token)
    return DrilledShop(
        gateway=gateway,
        http=http,
        home=at.home,
        admin=admin,
        stop=at.stop,
        start=at.start,
        restart=at.restart,
        change=at.change,
        note=note,
    )


@asynccontextmanager
async def drilled(at: Home | Elsewhere, note: Callable[[str], None]) -> AsyncIterator[DrilledShop]:
    """Yield the shop. Raises NotRunning when no shop is open in the home."""
    async with aiohttp.ClientSession() as http:
        if isinstance(at, Elsewhere):
            yield _elsewhere(at, http, note)
        else:
            yield _at_home(at, http, note)
