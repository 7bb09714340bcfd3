"""A my page service on a database of its own, and people who ask it over HTTP."""

from collections.abc import AsyncIterator, Callable

import pytest
from httpx import AsyncClient

from roadbike.mypage import app
from tests.at_work import AtWork, Visitor, open_to_visitors, settings, visitor


@pytest.fixture
async def mypage(migrated_url: Callable[..., str], dialect: str) -> AsyncIterator[AtWork]:
    url = migrated_url("roadbike.mypage", dialect)
    service = app.build(app.Settings(**settings("mypage", url)))
    yield AtWork(service)
    await service.db.close()


@pytest.fixture
async def client(mypage: AtWork) -> AsyncIterator[AsyncClient]:
    async with open_to_visitors(mypage.service) as client:
        yield client


@pytest.fixture
def alice(client: AsyncClient) -> Visitor:
    return visitor(client, "alice", "buyer")


@pytest.fixture
def mallory(client: AsyncClient) -> Visitor:
    return visitor(client, "mallory", "buyer")


@pytest.fixture
def admin(client: AsyncClient) -> Visitor:
    return visitor(client, "boss", "admin")
