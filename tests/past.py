"""Times that are surely past by the database's clock, of which `tx.now` may be slightly ahead."""

from datetime import UTC, datetime, timedelta
from typing import Final

from roadbike.kit.db import Tx

MARGIN: Final = timedelta(seconds=1)  # more than the round trip that `tx.now` may be ahead
LONG_AGO: Final = datetime(2020, 1, 1, tzinfo=UTC)


async def past(tx: Tx, age: timedelta = timedelta()) -> datetime:
    """Return a time that is at least that old by every clock that is read later."""
    return (await tx.now()) - age - MARGIN
