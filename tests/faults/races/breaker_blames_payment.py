"""Races 9: the rows of two bikes are locked in turn for 12 s in the own database of reservation,
so that each request waits 0.8 s for them, while 30 buyers reserve and payment answers in 10 ms;
measured is what the buyers are answered meanwhile and in the 3 s after that; the fault is a refusal
by the breaker in front of payment.
"""

import asyncio
from typing import Final

import asyncpg

from tests.faults.databases import new_database, opened
from tests.faults.desks import BIKES, Answers, add_bikes, buying
from tests.faults.outcome import CannotTry, Outcome, run

SECONDS: Final = 12  # longer than the breaker's window of 10 s
LOCKED: Final = (BIKES[0], BIKES[-1])
# shorter than `lock_ms`, which would refuse the requests; together longer than their deadline
LOCKED_SECONDS: Final = 0.42
TURN_SECONDS: Final = 0.4
LOCK: Final = "SELECT bike_id FROM bike WHERE bike_id = $1 FOR UPDATE"


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
    """Hold the locks as an administrator's sessions would; return the refusals by the breaker."""
    locking = [
        asyncio.create_task(lock_in_turn(url, bike, turn * TURN_SECONDS))
        for turn, bike in enumerate(LOCKED)
    ]
    await answers.within(SECONDS, "while rows are locked")
    for task in locking:
        task.cancel()
    await asyncio.gather(*locking, return_exceptions=True)
    return answers.seen["OpenCircuit"]


async def lock_in_turn(url: str, bike: int, first: float) -> None:
    """Lock the bike's row in every second turn."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        await asyncio.sleep(first)
        while True:
            async with connection.transaction():
                await connection.fetch(LOCK, bike)
                await asyncio.sleep(LOCKED_SECONDS)
            await asyncio.sleep(len(LOCKED) * TURN_SECONDS - LOCKED_SECONDS)
    finally:
        await connection.close()


if __name__ == "__main__":
    raise SystemExit(main())
