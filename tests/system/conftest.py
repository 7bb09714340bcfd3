"""One shop for the whole run, for all tests that leave it as they found it."""

from collections.abc import AsyncIterator, Generator, Iterator

import pytest

from tests.system.shop import Shop, a_shop
from tests.system.visit import Visit, visiting


@pytest.fixture(scope="session")
def shop() -> Iterator[Shop]:
    with a_shop() as shop:
        said = shop.up()
        assert said.code == 0, said
        yield shop


@pytest.fixture
async def visit(shop: Shop) -> AsyncIterator[Visit]:
    async with visiting(shop) as visit:
        yield visit


@pytest.fixture
def new_shop() -> Iterator[Shop]:
    """A folder and ports of this test's own; nothing is opened there yet."""
    with a_shop() as shop:
        yield shop


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Function,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails shows what the shop wrote at its end."""
    report = yield
    if report.failed:
        for name in ("shop", "new_shop"):
            if shop := item.funcargs.get(name):
                report.sections.append((f"the logs of {name}", shop.last_lines()))
    return report
