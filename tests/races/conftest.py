"""The race tests run N times in one open shop: `make test-races N=100`."""

import os
from collections.abc import AsyncIterator, Iterator
from typing import Final

import pytest

from tests.system.real_shop import Shop, temporary_shop
from tests.system.shop_client import ShopClient, open_client

ROUNDS: Final = int(os.environ.get("ROUNDS", "1"))
# otherwise unpaid reservations of the first rounds would expire during an audit, after 30 minutes
NOTHING_EXPIRES: Final = {"ROADBIKE_EXPIRE_AFTER_SECONDS": str(24 * 60 * 60)}


@pytest.fixture(
    scope="session",  # so that all tests run before the first one runs again
    autouse=True,
    params=range(1, ROUNDS + 1),
    ids=lambda number: f"round {number}",
)
def round_(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture(scope="package")
def shop() -> Iterator[Shop]:
    with temporary_shop(NOTHING_EXPIRES) as shop:
        result = shop.up()
        assert result.code == 0, result
        yield shop


@pytest.fixture
async def client(shop: Shop) -> AsyncIterator[ShopClient]:
    async with open_client(shop) as client:
        yield client
