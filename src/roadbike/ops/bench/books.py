"""What a measurement has left in the shop: its figures count nothing when that does not agree.

After each measurement the number of reservations is compared with the answers; at the end of all,
the shop is audited with the journals of the load.
"""

import time
from http import HTTPStatus

from roadbike.local import shop_file
from roadbike.local.errors import CommandError
from roadbike.local.home import Home
from roadbike.ops.audit.quiet import busy_after, statuses_of
from roadbike.ops.bench.load import Loaded
from roadbike.ops.people import Person


async def reservations(admin: Person) -> int:
    """Return how many reservations there are."""
    found = await admin.get("/reservations?size=1")
    total: int = found["page"]["totalElements"]
    return total


async def settle(home: Home, seconds: float) -> float:
    """Wait until no service has anything left to do; return how many seconds that took.

    Raises CommandError when it takes longer than `seconds`.
    """
    began = time.monotonic()
    if busy := await busy_after(statuses_of(shop_file.read_known(home)), seconds):
        raise CommandError("bench-not-settled", seconds=f"{seconds:g}", busy=busy)
    return time.monotonic() - began


def check(loaded: Loaded, made: int) -> None:
    """Raise CommandError unless there are as many new reservations as were acknowledged.

    A request that failed may have been carried out all the same.
    """
    done = loaded.statuses.get(str(int(HTTPStatus.CREATED)), 0)
    if not done <= made <= done + loaded.failed:
        raise CommandError("bench-books-differ", done=done, failed=loaded.failed, made=made)
