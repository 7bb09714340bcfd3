"""One open shop for all tests that leave it as it was, and new ones for the others."""

from collections.abc import AsyncIterator, Generator, Iterator

import pytest

from tests.system.real_shop import Shop, temporary_shop
from tests.system.shop_client import ShopClient, open_client


@pytest.fixture(scope="session")
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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the last log lines of the shop to the report of a failed test."""
    report = yield
    if report.failed:
        for name in ("shop", "new_shop"):
            if shop := item.funcargs.get(name):
                report.sections.append((f"the logs of {name}", shop.last_lines()))
    return report
