"""Races 9: a bike's row is locked for 0.4 s, again and again for 12 s, in the own database of
reservation, while 30 buyers reserve and payment answers in 10 ms; measured is what the buyers are
answered meanwhile and in the 3 s after that; the fault is a refusal by the breaker in front of
payment.
"""

import asyncio
from typing import Any, Final

import asyncpg

from tests.faults.databases import new_database, opened
from tests.faults.desks import BIKES, Answers, add_bikes, buying
from tests.faults.outcome import CannotTry, Outcome, run

SECONDS: Final = 12  # longer than the breaker's window of 10 s
LOCKED_SECONDS: Final = 0.4  # shorter than `lock_ms`: the requests are slow, and not refused
PAUSE_SECONDS: Final = 0.05
LOCK: Final = "SELECT bike_id FROM bike WHERE bike_id = 1 FOR UPDATE"


def main() -> int:
    return run(provoke)


async def provoke() -> Outcome:
    async with new_database("roadbike.reservation") as url, opened(url) as db:
        await add_bikes(db)
        answers = Answers()
        async with buying(db, BIKES, answers):
            await asyncio.sleep(2)  # until all buyers have begun
            if not await answers.within(2, "before"):
                raise CannotTry("nothing is reserved")
            refused = await locked_again_and_again(url, answers)
            await answers.within(3, "after it")
    refused += answers.seen["OpenCircuit"]
    text = f"{refused} requests refused because of payment, which was healthy"
    return Outcome(refused > 0, text)


async def locked_again_and_again(url: str, answers: Answers) -> int:
    """Hold the lock as an administrator's sessions would; return the refusals by the breaker."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    locking = asyncio.create_task(lock_again_and_again(connection))
    try:
        await answers.within(SECONDS, "while a bike's row is locked")
        return answers.seen["OpenCircuit"]
    finally:
        locking.cancel()
        await asyncio.gather(locking, return_exceptions=True)
        await connection.close()


async def lock_again_and_again(connection: Any) -> None:
    while True:
        async with connection.transaction():
            await connection.fetch(LOCK)
            await asyncio.sleep(LOCKED_SECONDS)
        await asyncio.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    raise SystemExit(main())
