"""A reservation service on a database of its own, with bike 1 in its copy of the catalogue."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from functools import partial

import pytest
from httpx import AsyncClient

from roadbike.kit.auth import ServiceTokens, new_signing_key
from roadbike.reservation import app
from roadbike.reservation.payments import HttpPayments
from tests.at_work import Visitor, open_to_visitors, settings, visitor
from tests.reservation.counter import Counter
from tests.reservation.desk import WholeDesk
from tests.reservation.things import bike_told
from tests.reservation.till import Till, open_till, opens


@pytest.fixture
async def counter(
    migrated_url: Callable[..., str], dialect: str, till: Till
) -> AsyncIterator[Counter]:
    """Three units of bike 1 are free."""
    url = migrated_url("roadbike.reservation", dialect)
    chosen = {**settings("reservation", url), "payment_url": till.url}
    counter = Counter(app.build(app.Settings(**chosen)))
    await counter.hear(bike_told())
    yield counter
    await counter.db.close()


@pytest.fixture
async def till() -> AsyncIterator[Till]:
    """Opens every payment, until it is told otherwise."""
    async with open_till(opens) as till:
        yield till


@pytest.fixture
async def client(counter: Counter) -> AsyncIterator[AsyncClient]:
    """The real app of the counter's service, whose payments are opened at the till."""
    async with AsyncExitStack() as stack:
        for resource in counter.service.resources:
            await stack.enter_async_context(resource)
        yield await stack.enter_async_context(open_to_visitors(counter.service))


@pytest.fixture
def kim(client: AsyncClient) -> Visitor:
    return visitor(client, "kim", "buyer")


@pytest.fixture
def lee(client: AsyncClient) -> Visitor:
    return visitor(client, "lee", "buyer")


@pytest.fixture
async def make_desk(counter: Counter, till: Till) -> AsyncIterator[Callable[..., WholeDesk]]:
    """A factory of desks: `make_desk(in_flight=1)`."""
    tokens = ServiceTokens("reservation", new_signing_key("reservation/1"), '{"keys": []}')
    async with HttpPayments(till.url, tokens) as payments:
        yield partial(WholeDesk, counter, till, payments)


@pytest.fixture
def desk(make_desk: Callable[..., WholeDesk]) -> WholeDesk:
    return make_desk()
