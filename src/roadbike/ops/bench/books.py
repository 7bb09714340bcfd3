"""The books of the shop: they have to agree after each measurement, or its figures count nothing.

Each reservation has a payment and a row on my page, and holds one unit in stock.
"""

import asyncio
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from msgspec import UNSET

from roadbike.local.commands import status
from roadbike.local.errors import CommandError
from roadbike.local.home import Home
from roadbike.local.texts import say
from roadbike.ops.bench.load import Loaded
from roadbike.ops.people import Person

NOTHING_LEFT: Final = ("unsent", "lag", "parked", "unanswered", "pending", "unsettled")
LOOK_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Books:
    """How many there are of each; held: units in stock that are held, of all bikes used."""

    reservations: int
    payments: int
    my_pages: int
    held: int

    def minus(self, earlier: "Books") -> "Books":
        return Books(
            self.reservations - earlier.reservations,
            self.payments - earlier.payments,
            self.my_pages - earlier.my_pages,
            self.held - earlier.held,
        )


async def look(admin: Person, bike_id: int) -> Books:
    reservations, payments, my_pages = [
        (await admin.get(f"/{name}?size=1"))["page"]["totalElements"]
        for name in ("reservations", "payments", "myPages")
    ]
    held = (await admin.get(f"/stocks/{bike_id}"))["reserveQty"]
    return Books(reservations, payments, my_pages, held)


async def settle(home: Home, seconds: float) -> float:
    """Wait until no service has anything left to do; return how many seconds that took.

    Raises CommandError when it takes longer than `seconds`.
    """
    began, quiet = time.monotonic(), 0
    while quiet < 2:  # noqa: PLR2004  an event may move on while one look is made
        busy = await asyncio.to_thread(_busy, home)
        quiet = 0 if busy else quiet + 1
        if time.monotonic() > began + seconds:
            raise CommandError("bench-not-settled", seconds=f"{seconds:g}", busy=busy)
        await asyncio.sleep(LOOK_SECONDS)
    return time.monotonic() - began


def check(loaded: Loaded, grown: Books) -> None:
    """Raise CommandError unless all books say the same, and what was acknowledged is in them.

    A request that failed may have been carried out all the same.
    """
    done = loaded.statuses.get(str(int(HTTPStatus.CREATED)), 0)
    numbers = {grown.reservations, grown.payments, grown.my_pages, grown.held}
    if len(numbers) != 1 or not done <= grown.reservations <= done + loaded.failed:
        raise CommandError("bench-books-differ", done=done, failed=loaded.failed, grown=grown)


def _busy(home: Home) -> dict[str, object]:
    """Return what is left to do, by service."""
    left: dict[str, object] = {}
    for row in status.collect(home):
        of_service = {
            name: getattr(row, name)
            for name in NOTHING_LEFT
            if getattr(row, name) is not UNSET and getattr(row, name) != 0
        }
        if of_service or not row.ready:
            left[row.part] = of_service or say("bench-not-ready")
    return left
