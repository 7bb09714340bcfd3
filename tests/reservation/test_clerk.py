"""What a clerk sees of reservations, and may not do."""

from typing import Literal

import pytest

from tests.recipient import RECIPIENT
from tests.reservation.builders import PRICE
from tests.reservation.http import ask, post_reservation
from tests.reservation.test_api import made_by
from tests.service_harness import ApiClient


@pytest.fixture
def dialect() -> Literal["postgresql"]:
    """Other tests run the same SQL on both databases."""
    return "postgresql"


async def test_a_clerk_reads_reservations_without_what_they_cost(
    kim: ApiClient, clerk: ApiClient
) -> None:
    path = f"/reservations/{await made_by(kim, **RECIPIENT)}"

    [listed] = (await ask(clerk, "GET /reservations")).json()["_embedded"]["reservations"]
    read = (await ask(clerk, f"GET {path}")).json()

    assert read == listed
    assert (read["userId"], read["bikeNm"]) == ("kim", "TREK Emonda")
    assert "price" not in read
    assert set(read["_links"]) == {"self"}
    assert str(PRICE) not in str(read)


async def test_a_clerk_learns_no_prices_by_sorting_and_cancels_and_reserves_nothing(
    kim: ApiClient, clerk: ApiClient
) -> None:
    path = f"/reservations/{await made_by(kim)}"

    refused = [
        await ask(clerk, "GET /reservations?sort=price"),
        await ask(clerk, f"DELETE {path}"),
        await ask(clerk, f"PATCH {path}", {"reserveStatus": "예약취소"}),
        await post_reservation(clerk, {"bikeId": 1}),
    ]

    assert [answer.status_code for answer in refused] == [403] * 4
    assert (await ask(kim, f"GET {path}")).json()["reserveStatus"] == "예약완료"
