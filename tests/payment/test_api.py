"""Payments over HTTP: served to whom they belong, and paid by them."""

from typing import Literal

import pytest

from roadbike.kit.db.ids import new_id
from roadbike.payment.providers.simulated import Behaviour
from tests.payment.asking import TERMS, open_, payments
from tests.purchase_events import Story
from tests.reservation.http import ask, pointers, without_trace
from tests.service_harness import ApiClient, ServiceHarness


@pytest.fixture
def dialect() -> Literal["postgresql"]:
    """The SQL behind it is tried on both databases elsewhere."""
    return "postgresql"


async def test_a_payment_is_found_by_its_reservation(
    reservation: ApiClient, alice: ApiClient
) -> None:
    first, second = new_id(), new_id()
    await open_(reservation, first)
    await open_(reservation, second)

    (found,) = await payments(alice, f"?reserveId={second}")

    assert found["reserveId"] == str(second)
    assert found | TERMS == found
    assert (await ask(alice, f"GET /payments/{found['payId']}")).json() == found
    assert await payments(alice, f"?reserveId={new_id()}") == []


async def test_the_links_of_a_list_keep_what_it_was_asked_for(alice: ApiClient) -> None:
    asked = f"/payments?reserveId={new_id()}"

    links = (await ask(alice, f"GET {asked}")).json()["_links"]

    assert {link["href"].partition("&page=")[0] for link in links.values()} == {asked}


async def test_a_reserve_id_that_is_none_is_422_and_named(alice: ApiClient) -> None:
    answer = await ask(alice, "GET /payments?reserveId=7")

    assert answer.status_code == 422
    assert pointers(answer) == ["reserveId"]


async def test_a_payment_of_somebody_else_answers_as_one_that_is_not_there(
    reservation: ApiClient, alice: ApiClient, mallory: ApiClient
) -> None:
    at = new_id()
    await open_(reservation, at)
    ((own),) = await payments(alice)

    foreign = await ask(mallory, f"GET /payments/{own['payId']}")
    absent = await ask(mallory, f"GET /payments/{new_id()}")

    assert foreign.status_code == absent.status_code == 404
    assert without_trace(foreign) == without_trace(absent)
    assert await payments(mallory, f"?reserveId={at}") == []


async def test_staff_see_the_payments_of_all(reservation: ApiClient, admin: ApiClient) -> None:
    await open_(reservation, new_id())
    await open_(reservation, new_id(), userId="mallory")

    assert {one["userId"] for one in await payments(admin)} == {"alice", "mallory"}


async def test_a_voided_payment_is_served_as_cancelled(
    reservation: ApiClient, alice: ApiClient, payment: ServiceHarness
) -> None:
    story = Story()
    await open_(reservation, story.reservation_id)

    await payment.consume(story.cancelled())

    (found,) = await payments(alice)
    assert found["payStatus"] == "결제취소"
    assert "pay" not in found["_links"]


async def test_the_payment_of_what_never_was_a_reservation_is_served_to_nobody(
    reservation: ApiClient, alice: ApiClient, admin: ApiClient, payment: ServiceHarness
) -> None:
    story = Story()
    await open_(reservation, story.reservation_id)
    ((open_payment),) = await payments(alice)

    await payment.consume(story.cancelled(registered=False))

    for visitor in (alice, admin):
        assert await payments(visitor) == []
        assert await payments(visitor, f"?reserveId={story.reservation_id}") == []
        assert (await ask(visitor, f"GET /payments/{open_payment['payId']}")).status_code == 404


async def test_a_payment_is_cancelled_with_its_reservation_alone(
    reservation: ApiClient, alice: ApiClient
) -> None:
    at = new_id()
    pay_id = (await open_(reservation, at)).json()["payId"]

    answer = await ask(alice, f"PATCH /payments/{pay_id}", {"payStatus": "결제취소"})

    assert answer.status_code == 409
    assert answer.json()["type"] == "/problems/cancels-with-reservation"
    assert answer.json()["_links"]["reservation"]["href"] == f"/reservations/{at}"


@pytest.mark.parametrize(
    ("status", "header", "named", "choices"),
    [
        ("결제예정", "approve", "/payStatus", "결제완료, 결제취소"),
        ("결제완료", "perhaps", "X-Simulate", ", ".join(Behaviour)),
    ],
)
async def test_what_cannot_be_asked_for_is_422_and_says_what_can(
    reservation: ApiClient, alice: ApiClient, status: str, header: str, named: str, choices: str
) -> None:
    pay_id = (await open_(reservation, new_id())).json()["payId"]
    body = {"payStatus": status}

    answer = await ask(alice, f"PATCH /payments/{pay_id}", body, X_Simulate=header)

    assert (answer.status_code, pointers(answer)) == (422, [named])
    assert answer.json()["errors"][0]["detail"] == f"다음 중 하나여야 합니다: {choices}"
    assert (await payments(alice))[0]["payStatus"] == "결제예정"


async def test_a_tombstone_is_served_to_nobody(admin: ApiClient, payment: ServiceHarness) -> None:
    await payment.consume(Story().cancelled(), Story().cancelled(registered=False))

    assert await payments(admin) == []


async def test_a_service_token_is_no_persons(reservation: ApiClient) -> None:
    assert (await ask(reservation, "GET /payments")).status_code == 401
