"""How a service is taken down before a check goes on."""

import aiohttp
import pytest

from roadbike.local.errors import CommandError
from roadbike.ops import outages
from roadbike.ops.people import Person
from tests.ops.answering import always, answering, response


async def stops(_service: str) -> None:
    """As `kubectl scale`, which returns while pods still answer."""


async def test_it_waits_until_the_service_answers_no_more() -> None:
    statuses = iter([200, 404, 503])
    seen = []

    async def answer(_head: bytes) -> bytes:
        seen.append(next(statuses))
        return response(seen[-1])

    async with answering(answer) as gateway, aiohttp.ClientSession() as http:
        await outages.take_down("stock", stops, Person.with_token(http, gateway, "token"))

    assert seen == [200, 404, 503]


async def test_a_service_that_goes_on_answering_was_not_taken_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outages, "GONE_SECONDS", 0.1)
    async with answering(always(response(200))) as gateway, aiohttp.ClientSession() as http:
        person = Person.with_token(http, gateway, "token")
        with pytest.raises(CommandError, match="stock"):
            await outages.take_down("stock", stops, person)
