"""Races are run over and over, in one open shop: `make test-races N=100`."""

import os
from collections.abc import AsyncIterator, Iterator
from typing import Final

import pytest

from tests.system.shop import Shop, a_shop
from tests.system.visit import Visit, visiting

ROUNDS: Final = int(os.environ.get("ROUNDS", "1"))
# after half an hour the unpaid bikes of the first rounds would come back while books are read
NOTHING_EXPIRES: Final = {"ROADBIKE_EXPIRE_AFTER_SECONDS": str(24 * 60 * 60)}


@pytest.fixture(
    scope="session",  # so that all races are run before the first is run again
    autouse=True,
    params=range(1, ROUNDS + 1),
    ids=lambda number: f"round {number}",
)
def round_(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


@pytest.fixture(scope="session")
def shop() -> Iterator[Shop]:
    with a_shop(NOTHING_EXPIRES) as shop:
        said = shop.up()
        assert said.code == 0, said
        yield shop


@pytest.fixture
async def visit(shop: Shop) -> AsyncIterator[Visit]:
    async with visiting(shop) as visit:
        yield visit
