"""One open shop for all tests that leave it as it was, and new ones for the others.

A test with the marker `any_stack` runs in `make test` on what one machine has by default, and in
`make test-distributed` on PostgreSQL, MariaDB and Kafka.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import Final

import pytest

from tests.distributed.stack import stack
from tests.system.real_shop import Shop, temporary_shop
from tests.system.reports import pytest_runtest_makereport  # noqa: F401  a hook of pytest
from tests.system.shop_client import ShopClient, open_client

ONE_MACHINE: Final = pytest.param("one machine", id=pytest.HIDDEN_PARAM)
ON_SERVERS: Final = pytest.param("servers", id="mariadb, kafka", marks=pytest.mark.distributed)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "shop" in metafunc.fixturenames:
        any_stack = metafunc.definition.get_closest_marker("any_stack")
        stacks = [ONE_MACHINE, ON_SERVERS] if any_stack else [ONE_MACHINE]
        metafunc.parametrize("shop", stacks, indirect=True, scope="package")


@pytest.fixture(scope="package")
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    with ExitStack() as opened:
        environ = {}
        if request.param == "servers":
            servers = map(request.getfixturevalue, ("kafka_server", "mariadb_server"))
            environ = opened.enter_context(stack(*servers))
        shop = opened.enter_context(temporary_shop(environ))
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
