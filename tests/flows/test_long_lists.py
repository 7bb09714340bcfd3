"""One's own list among 1,000,000 reservations: each page costs the database a few milliseconds."""

import sys
from collections.abc import Callable
from typing import Final

import pytest
from sqlalchemy import text

from roadbike.reservation.store import RESERVATION
from tests.flows.built import built
from tests.flows.explained import Explained, fill
from tests.reservation.fake_payment import open_fake_payment, opens
from tests.service_harness import api_client, http_client

ROWS: Final = 1_000_000
OWN: Final = 10_000  # of them, spread over all times
GIVE: Final = "UPDATE reservation SET user_id = 'kim' WHERE right(user_id, 2) = '17'"
LIMIT_MS: Final = 10.0  # for each statement of a page
SIZE: Final = 100
AGAIN: Final = 20  # after so many pages the statements are explained again


@pytest.mark.long
async def test_a_page_of_one_s_own_among_a_million_takes_10_ms(
    migrated_url: Callable[..., str], sqlite_url: str
) -> None:
    explained = Explained()
    pages = 0
    async with open_fake_payment(opens) as payment:
        service = built(
            "reservation", migrated_url("roadbike.reservation"), sqlite_url, payment.url
        )
        explained.listen(service.db)
        await fill(service.db, RESERVATION, ROWS)
        for statement in (GIVE, "ANALYZE reservation"):
            async with service.db.background.begin() as tx:
                await tx.execute(text(statement))
        explained.is_on = True
        async with http_client(service) as client:
            kim = api_client(client, "kim", "buyer")
            following: str | None = f"/reservations?size={SIZE}"
            while following is not None:
                answer = await kim.get(following)
                assert answer.status_code == 200, answer.text
                assert answer.json()["page"]["totalElements"] == OWN
                following = answer.json()["_links"].get("next", {}).get("href")
                pages += 1
                if pages % AGAIN == 0:
                    explained.times.clear()
        await service.db.close()

    assert pages == OWN // SIZE
    for statement, milliseconds in explained.milliseconds.items():
        sys.stdout.write(f"{milliseconds:.2f} ms: {' '.join(statement.split())[:90]}\n")
    slow = {sql: ms for sql, ms in explained.milliseconds.items() if ms > LIMIT_MS}
    assert slow == {}
