"""Races 1: a replica of stock hangs with the inbox rows of its batch written and not committed, and
its messages come to another replica; measured is whether that one can take them within 15 s; the
fault is that it cannot.
"""

import asyncio
import time
from contextlib import suppress
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from roadbike.contracts.events import ReservationCancelled
from roadbike.kit.db import Database, DatabaseUnavailable
from roadbike.kit.messaging.broker import Message
from roadbike.kit.messaging.inbox import Inbox
from roadbike.kit.process.service import whenever
from roadbike.stock.use_cases import follow_purchase
from tests.contracts.examples import EXAMPLES
from tests.faults.databases import new_database, opened
from tests.faults.outcome import CannotTry, Outcome, run
from tests.service_harness import message

PATIENCE_SECONDS: Final = 15.0
AGAIN_SECONDS: Final = 0.3  # as the runtime does after a batch that it could not consume
ROW: Final = "INSERT INTO inbox VALUES (:topic, :event_id, now())"


class _Over(Exception):
    """Ends the transaction without a commit, after the measurement."""


def main() -> int:
    return run(provoke)


async def provoke() -> Outcome:
    sent = message(EXAMPLES[ReservationCancelled])
    refusals: int | None = None
    waited = 0.0
    async with new_database("roadbike.stock") as url, opened(url) as hung, opened(url) as other:
        # the server may end the session of the hung replica
        with suppress(_Over, DatabaseUnavailable, DBAPIError):
            async with hung.begin() as tx:
                await tx.execute(text(ROW), {"topic": sent.topic, "event_id": sent.event_id})
                began = time.monotonic()
                refusals = await taken(other, sent)
                waited = time.monotonic() - began
                raise _Over
    if not waited:
        raise CannotTry("the row was not written")
    if refusals is None:
        return Outcome(seen=True, text=f"not taken by the other replica within {waited:.0f} s")
    return Outcome(seen=False, text=f"taken after {waited:.1f} s and {refusals} refusals")


async def taken(db: Database, sent: Message) -> int | None:
    """Consume the message, with a retry when the database refuses; None after the time limit."""
    inbox = Inbox(db, [whenever(ReservationCancelled, follow_purchase)])
    refusals = 0
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    await inbox.consume([sent])
                except DatabaseUnavailable:
                    refusals += 1
                    await asyncio.sleep(AGAIN_SECONDS)
                else:
                    return refusals
    except TimeoutError:
        return None


if __name__ == "__main__":
    raise SystemExit(main())
