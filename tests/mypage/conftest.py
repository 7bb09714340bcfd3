"""A my page service on a database of its own, and an HTTP client for it."""

from collections.abc import AsyncIterator, Callable

import pytest
from httpx import AsyncClient

from roadbike.mypage import app
from tests.at_work import AtWork, open_to_visitors, settings


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
