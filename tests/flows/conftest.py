"""A shop for each test, with the same kinds of database as in one-machine mode."""

from collections.abc import AsyncIterator, Callable
from functools import cache

import pytest

from tests.flows.given import given_a_bike
from tests.flows.in_process_shop import DATABASES, SERVICES, Shop, Url, open_shop
from tests.reservation.fake_payment import FakePayment, open_fake_payment, opens


@pytest.fixture
def url(migrated_url: Callable[..., str], new_database: Callable[..., str]) -> Url:
    @cache
    def url(service: str) -> str:
        if service == "provider":
            return new_database("sqlite")
        return migrated_url(f"roadbike.{service}", DATABASES[service])

    return url


@pytest.fixture
async def shop(url: Url) -> AsyncIterator[Shop]:
    async with open_shop(url, SERVICES) as shop:
        yield shop


@pytest.fixture
async def small_shop(url: Url) -> AsyncIterator[Shop]:
    """A shop without delivery and my page, which starts faster."""
    async with open_shop(url, ("stock", "payment", "reservation")) as shop:
        yield shop


@pytest.fixture
async def payment() -> AsyncIterator[FakePayment]:
    async with open_fake_payment(opens) as payment:
        yield payment


@pytest.fixture
async def shop_with_fake_payment(url: Url, payment: FakePayment) -> AsyncIterator[Shop]:
    """Reservation calls the fake payment; nine units of bike 1 are on sale."""
    async with open_shop(url, ("stock",)) as shop:
        await shop.start("reservation", ROADBIKE_PAYMENT_URL=payment.url)
        await given_a_bike(shop, units=9)
        yield shop
