"""A reservation service on its own database, with bike 1 in its copy of the catalogue."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from functools import partial

import pytest
from httpx import AsyncClient

from roadbike.kit.auth import ServiceTokens, new_signing_key
from roadbike.reservation import app
from roadbike.reservation.payments import HttpPayments
from tests.reservation.builders import bike_changed
from tests.reservation.desk_harness import DeskHarness
from tests.reservation.fake_payment import FakePayment, open_fake_payment, opens
from tests.reservation.service_harness import ReservationHarness
from tests.service_harness import ApiClient, api_client, http_client, settings


@pytest.fixture
async def harness(
    migrated_url: Callable[..., str], dialect: str, payment: FakePayment
) -> AsyncIterator[ReservationHarness]:
    """Three units of bike 1 are free."""
    url = migrated_url("roadbike.reservation", dialect)
    chosen = {**settings("reservation", url), "payment_url": payment.url}
    harness = ReservationHarness(app.build(app.Settings(**chosen)))
    await harness.consume(bike_changed())
    yield harness
    await harness.db.close()


@pytest.fixture
async def payment() -> AsyncIterator[FakePayment]:
    """Opens every payment, unless a test sets another behaviour."""
    async with open_fake_payment(opens) as payment:
        yield payment


@pytest.fixture
async def client(harness: ReservationHarness) -> AsyncIterator[AsyncClient]:
    """The real app of the harness's service; it opens its payments at the fake payment."""
    async with AsyncExitStack() as stack:
        for resource in harness.service.resources:
            await stack.enter_async_context(resource)
        yield await stack.enter_async_context(http_client(harness.service))


@pytest.fixture
def kim(client: AsyncClient) -> ApiClient:
    return api_client(client, "kim", "buyer")


@pytest.fixture
def lee(client: AsyncClient) -> ApiClient:
    return api_client(client, "lee", "buyer")


@pytest.fixture
async def make_desk(
    harness: ReservationHarness, payment: FakePayment
) -> AsyncIterator[Callable[..., DeskHarness]]:
    """A function that makes desks: `make_desk(in_flight=1)`."""
    tokens = ServiceTokens("reservation", new_signing_key("reservation/1"), '{"keys": []}')
    async with HttpPayments([payment.url], tokens) as payments:
        yield partial(DeskHarness, harness, payment, payments)


@pytest.fixture
def desk(make_desk: Callable[..., DeskHarness]) -> DeskHarness:
    return make_desk()
