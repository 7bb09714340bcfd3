"""Payments over HTTP: shown to their owner and to staff, and paid by their owner."""

from typing import Literal

import pytest

from roadbike.kit.db.ids import new_id
from roadbike.payment.providers.simulated import Behaviour
from tests.payment.http import (
    OPEN_BODY,
    ask,
    open_payment,
    payments,
    pointers,
    without_trace,
)
from tests.purchase_events import Story
from tests.service_harness import ApiClient, ServiceHarness


@pytest.fixture
def dialect() -> Literal["postgresql"]:
    """PostgreSQL only: other tests run the same SQL on both databases."""
    return "postgresql"


async def test_a_payment_is_found_by_its_reservation(
    reservation: ApiClient, alice: ApiClient
) -> None:
    first, second = new_id(), new_id()
    await open_payment(reservation, first)
    await open_payment(reservation, second)

    (found,) = await payments(alice, f"?reserveId={second}")

    assert found["reserveId"] == str(second)
    assert found | OPEN_BODY == found
    assert (await ask(alice, f"GET /payments/{found['payId']}")).json() == found
    assert await payments(alice, f"?reserveId={new_id()}") == []


async def test_the_links_of_a_list_keep_its_filter(alice: ApiClient) -> None:
    asked = f"/payments?reserveId={new_id()}"

    links = (await ask(alice, f"GET {asked}")).json()["_links"]

    assert {link["href"].partition("&page=")[0] for link in links.values()} == {asked}


async def test_a_malformed_reserve_id_is_422_and_named(alice: ApiClient) -> None:
    answer = await ask(alice, "GET /payments?reserveId=7")

    assert answer.status_code == 422
    assert pointers(answer) == ["reserveId"]


async def test_a_payment_of_somebody_else_looks_like_an_absent_one(
    reservation: ApiClient, alice: ApiClient, mallory: ApiClient
) -> None:
    reservation_id = new_id()
    await open_payment(reservation, reservation_id)
    (own,) = await payments(alice)

    foreign = await ask(mallory, f"GET /payments/{own['payId']}")
    absent = await ask(mallory, f"GET /payments/{new_id()}")

    assert foreign.status_code == absent.status_code == 404
    assert without_trace(foreign) == without_trace(absent)
    assert await payments(mallory, f"?reserveId={reservation_id}") == []


async def test_staff_see_the_payments_of_all(reservation: ApiClient, admin: ApiClient) -> None:
    await open_payment(reservation, new_id())
    await open_payment(reservation, new_id(), userId="mallory")

    assert {one["userId"] for one in await payments(admin)} == {"alice", "mallory"}


async def test_a_voided_payment_is_shown_as_cancelled(
    reservation: ApiClient, alice: ApiClient, payment: ServiceHarness
) -> None:
    story = Story()
    await open_payment(reservation, story.reservation_id)

    await payment.consume(story.cancelled())

    (found,) = await payments(alice)
    assert found["payStatus"] == "결제취소"
    assert "pay" not in found["_links"]


async def test_the_payment_of_an_unregistered_reservation_is_shown_to_nobody(
    reservation: ApiClient, alice: ApiClient, admin: ApiClient, payment: ServiceHarness
) -> None:
    story = Story()
    await open_payment(reservation, story.reservation_id)
    (shown,) = await payments(alice)

    await payment.consume(story.cancelled(registered=False))

    for person in (alice, admin):
        assert await payments(person) == []
        assert await payments(person, f"?reserveId={story.reservation_id}") == []
        assert (await ask(person, f"GET /payments/{shown['payId']}")).status_code == 404


async def test_a_payment_is_only_cancelled_with_its_reservation(
    reservation: ApiClient, alice: ApiClient
) -> None:
    reservation_id = new_id()
    pay_id = (await open_payment(reservation, reservation_id)).json()["payId"]

    answer = await ask(alice, f"PATCH /payments/{pay_id}", {"payStatus": "결제취소"})

    assert answer.status_code == 409
    assert answer.json()["type"] == "/problems/cancels-with-reservation"
    assert answer.json()["_links"]["reservation"]["href"] == f"/reservations/{reservation_id}"


@pytest.mark.parametrize(
    ("status", "header", "named", "choices"),
    [
        ("결제예정", "approve", "/payStatus", "결제완료"),
        ("결제완료", "perhaps", "X-Simulate", ", ".join(Behaviour)),
    ],
)
async def test_an_unknown_status_or_behaviour_is_422_and_names_the_choices(
    reservation: ApiClient, alice: ApiClient, status: str, header: str, named: str, choices: str
) -> None:
    pay_id = (await open_payment(reservation, new_id())).json()["payId"]
    body = {"payStatus": status}

    answer = await ask(alice, f"PATCH /payments/{pay_id}", body, X_Simulate=header)

    assert (answer.status_code, pointers(answer)) == (422, [named])
    assert answer.json()["errors"][0]["detail"] == f"다음 중 하나여야 합니다: {choices}"
    assert (await payments(alice))[0]["payStatus"] == "결제예정"


async def test_a_tombstone_is_shown_to_nobody(admin: ApiClient, payment: ServiceHarness) -> None:
    await payment.consume(Story().cancelled(), Story().cancelled(registered=False))

    assert await payments(admin) == []


async def test_a_service_token_does_not_open_what_buyers_see(reservation: ApiClient) -> None:
    assert (await ask(reservation, "GET /payments")).status_code == 401
