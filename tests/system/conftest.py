"""One open shop for all tests that leave it as it was, and new ones for the others."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.system.real_shop import Shop, temporary_shop
from tests.system.reports import pytest_runtest_makereport  # noqa: F401  a hook of pytest
from tests.system.shop_client import ShopClient, open_client


@pytest.fixture(scope="package")
def shop() -> Iterator[Shop]:
    with temporary_shop() as shop:
        result = shop.up()
        assert result.code == 0, result
        yield shop


@pytest.fixture
async def client(shop: Shop) -> AsyncIterator[ShopClient]:
    async with open_client(shop) as client:
        yield client


@pytest.fixture
def new_shop() -> Iterator[Shop]:
    """A shop with its own folder and ports, which is not open yet."""
    with temporary_shop() as shop:
        yield shop
