"""A reservation service on a database of its own, with bike 1 in its copy of the catalogue."""

from collections.abc import AsyncIterator, Callable

import pytest
from tests.at_work import settings
from tests.reservation.counter import Counter
from tests.reservation.things import bike_told

from roadbike.reservation import app

MakeCounter = Callable[..., Counter]


@pytest.fixture
async def make_counter(
    migrated_url: Callable[..., str], dialect: str
) -> AsyncIterator[MakeCounter]:
    """A factory of services on one database; the payment's URL leads nowhere unless given."""
    url = migrated_url("roadbike.reservation", dialect)
    made: list[Counter] = []

    def make(payment_url: str = "http://127.0.0.1:9", **more: object) -> Counter:
        chosen = {**settings("reservation", url), "payment_url": payment_url, **more}
        made.append(Counter(app.build(app.Settings(**chosen))))
        return made[-1]

    yield make
    for counter in made:
        await counter.db.close()


@pytest.fixture
async def counter(make_counter: MakeCounter) -> Counter:
    """Three units of bike 1 are free."""
    counter = make_counter()
    await counter.hear(bike_told())
    return counter
