"""Races 9: a bike's row is locked for 12 s in reservation's own database while 30 buyers reserve
and payment answers in 10 ms; measured is what the buyers are answered in the 3 s after that; the
fault is a refusal by the breaker in front of payment.
"""

import asyncio
from typing import Final

import asyncpg

from tests.faults.databases import new_database, opened
from tests.faults.desks import BIKES, Answers, add_bikes, buying
from tests.faults.outcome import CannotTry, Outcome, run

LOCKED_SECONDS: Final = 12  # longer than the breaker's window of 10 s
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
            await locked_for_a_while(url, answers)
            await answers.within(3, "after it")
    refused = answers.seen["OpenCircuit"]
    text = f"{refused} of {answers.seen.total()} refused because of payment, which was healthy"
    return Outcome(refused > 0, text)


async def locked_for_a_while(url: str, answers: Answers) -> None:
    """Hold the lock as an administrator's session would."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        async with connection.transaction():
            await connection.fetch(LOCK)
            await answers.within(LOCKED_SECONDS, "while a bike's row is locked")
    finally:
        await connection.close()


if __name__ == "__main__":
    raise SystemExit(main())
