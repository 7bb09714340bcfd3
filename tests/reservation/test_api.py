"""Reservations over HTTP, through the real app, with a fake payment."""

from typing import Any, Literal
from uuid import UUID

import pytest

from roadbike.kit.db.ids import new_id
from tests.purchase_events import Story
from tests.recipient import RECIPIENT
from tests.reservation import fake_payment
from tests.reservation.builders import PRICE, a_request, bike_changed
from tests.reservation.fake_payment import FakePayment
from tests.reservation.http import ask, post_reservation, without_trace
from tests.reservation.service_harness import ReservationHarness
from tests.service_harness import ApiClient

OLD_CLIENTS = (
    b'{"reserveId":1,"bikeId":1,"bikeNm":"TREK Emonda",'
    b'"reserveStatus":"\xec\x98\x88\xec\x95\xbd\xec\x99\x84\xeb\xa3\x8c","price":5100000}'
)


@pytest.fixture
def dialect() -> Literal["postgresql"]:
    """Other tests run the same SQL on both databases."""
    return "postgresql"


async def made_by(person: ApiClient, **more: Any) -> str:
    answer = await post_reservation(person, {"bikeId": 1, **more})
    assert answer.status_code == 201, answer.text
    reserve_id: str = answer.json()["reserveId"]
    return reserve_id


async def total(person: ApiClient) -> int:
    answer = await ask(person, "GET /reservations")
    return int(answer.json()["page"]["totalElements"])


async def test_the_body_of_old_clients_is_accepted(kim: ApiClient) -> None:
    answer = await post_reservation(kim, OLD_CLIENTS)

    assert answer.status_code == 201
    made = answer.json()
    assert UUID(made["reserveId"]).version == 7
    assert (made["bikeId"], made["reserveStatus"], made["price"]) == (1, "예약완료", PRICE)
    assert answer.headers["location"] == f"/reservations/{made['reserveId']}"
    assert answer.headers["content-type"] == "application/hal+json"


async def test_a_reservation_is_read_as_it_was_answered(kim: ApiClient) -> None:
    made = await post_reservation(kim, {"bikeId": 1, **RECIPIENT})

    read = await ask(kim, f"GET {made.headers['location']}")

    assert read.status_code == 200
    assert read.json() == made.json()
    assert read.json() | RECIPIENT == read.json()
    assert read.json()["userId"] == "kim"
    assert read.json()["reserveStore"] == "분당야탑점"
    assert read.json()["reserveDt"].endswith("Z")


async def test_fields_that_the_server_sets_are_ignored(
    kim: ApiClient, harness: ReservationHarness
) -> None:
    theirs = {
        "reserveId": str(new_id()),
        "userId": "lee",
        "reserveStatus": "예약취소",
        "reserveDt": "1999-01-01T00:00:00Z",
        "reserveStore": "강남점",
        "bikeNm": "a cheaper one",
        "payId": 7,
        "payStatus": ["결제완료"],
        "deliveryId": None,
        "deliveryStatus": "배송완료",
        "stockStatus": 1.5,
        "_links": {},
    }

    answer = await post_reservation(kim, {"bikeId": 1, **theirs})

    assert answer.status_code == 201
    kept = await harness.reservation(UUID(answer.json()["reserveId"]))
    assert (kept.user_id, kept.bike_name) == ("kim", "TREK Emonda")
    assert kept.store_name == "분당야탑점"
    assert str(kept.reservation_id) != theirs["reserveId"]
    assert kept.reserved_at.year > 1999


async def test_an_unknown_bike_is_not_found(kim: ApiClient) -> None:
    answer = await ask(kim, "POST /reservations", {"bikeId": 99})

    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-on-sale")
    assert "/stocks" in answer.json()["detail"]


async def test_a_changed_price_is_409_with_the_current_price(
    kim: ApiClient, harness: ReservationHarness
) -> None:
    answer = await ask(kim, "POST /reservations", {"bikeId": 1, "price": PRICE - 1})

    assert answer.status_code == 409
    problem = answer.json()
    assert (problem["type"], problem["price"]) == ("/problems/price-changed", PRICE)
    assert "5,100,000" in problem["detail"]
    assert await harness.count_rows() == (0, 0)


async def test_a_sold_out_bike_is_409_with_its_name(
    kim: ApiClient, harness: ReservationHarness
) -> None:
    await harness.consume(bike_changed(free=0, free_seq=2))

    answer = await ask(kim, "POST /reservations", {"bikeId": 1})

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/sold-out")
    assert "TREK Emonda" in answer.json()["detail"]


@pytest.mark.parametrize("behaviour", [fake_payment.hangs_up, fake_payment.answers(409)])
async def test_an_unavailable_payment_is_503_with_retry_after(
    kim: ApiClient, payment: FakePayment, behaviour: fake_payment.Behaviour
) -> None:
    payment.behaviour = behaviour

    answer = await ask(kim, "POST /reservations", {"bikeId": 1})

    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/payment-unavailable")
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_refusal_is_explained_in_the_language_of_the_reader(
    kim: ApiClient, harness: ReservationHarness
) -> None:
    await harness.consume(bike_changed(free=0, free_seq=2))
    titles = set()
    for language in ("ko", "en"):
        for body in ({"bikeId": 1, "price": 1}, {"bikeId": 1}):
            answer = await ask(kim, "POST /reservations", body, Accept_Language=language)
            titles.add(answer.json()["title"])
            assert "{" not in answer.json()["detail"]

    assert len(titles) == 4


async def test_every_request_needs_a_token(nobody: ApiClient) -> None:
    one = f"/reservations/{new_id()}"
    asked = ["POST /reservations", "GET /reservations", f"GET {one}", f"PATCH {one}"]

    answers = [await ask(nobody, what, {}) for what in [*asked, f"DELETE {one}"]]

    assert {answer.status_code for answer in answers} == {401}
    assert {answer.headers["www-authenticate"] for answer in answers} == {"Bearer"}


async def test_a_reservation_of_another_buyer_answers_like_one_that_does_not_exist(
    kim: ApiClient, lee: ApiClient, harness: ReservationHarness
) -> None:
    theirs = f"/reservations/{await made_by(kim)}"
    absent = f"/reservations/{new_id()}"
    body = {"reserveStatus": "예약취소"}

    for method, sent in (("GET", None), ("PATCH", body), ("DELETE", None)):
        foreign = await ask(lee, f"{method} {theirs}", sent)
        missing = await ask(lee, f"{method} {absent}", sent)
        assert foreign.status_code == missing.status_code == 404
        assert without_trace(foreign) == without_trace(missing)

    assert await harness.published_types() == ["ReservationRegistered"]


async def test_staff_read_and_cancel_for_every_buyer(kim: ApiClient, admin: ApiClient) -> None:
    own = f"/reservations/{await made_by(kim)}"

    read = await ask(admin, f"GET {own}")
    cancelled = await ask(admin, f"DELETE {own}")

    assert (read.status_code, cancelled.status_code) == (200, 200)
    assert cancelled.json()["reserveStatus"] == "예약취소"


@pytest.mark.parametrize("how", ["PATCH", "DELETE"])
async def test_a_cancel_and_a_repeated_cancel_are_200(
    kim: ApiClient, harness: ReservationHarness, how: str
) -> None:
    own = f"/reservations/{await made_by(kim)}"
    body = {"reserveStatus": "예약취소"} if how == "PATCH" else None

    first, again = await ask(kim, f"{how} {own}", body), await ask(kim, f"{how} {own}", body)

    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert first.json()["reserveStatus"] == "예약취소"
    assert "cancel" not in first.json()["_links"]
    assert (await ask(kim, f"GET {own}")).json() == first.json()
    assert await harness.published_types() == ["ReservationRegistered", "ReservationCancelled"]


@pytest.mark.parametrize(
    ("event", "problem"),
    [(Story.started, "already-shipped"), (Story.completed, "already-delivered")],
)
async def test_a_bike_that_was_shipped_or_delivered_is_not_cancelled(
    kim: ApiClient, harness: ReservationHarness, event: Any, problem: str
) -> None:
    reserve_id = await made_by(kim)
    await harness.consume(event(Story(reservation_id=UUID(reserve_id), user_id="kim")))

    answer = await ask(kim, f"DELETE /reservations/{reserve_id}")

    assert (answer.status_code, answer.json()["type"]) == (409, f"/problems/{problem}")
    assert answer.json()["title"] != "오류가 발생했습니다"


async def test_a_status_can_only_be_set_to_cancelled(kim: ApiClient) -> None:
    reserve_id = await made_by(kim)

    answer = await ask(kim, f"PATCH /reservations/{reserve_id}", {"reserveStatus": "예약완료"})

    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error == {"pointer": "/reserveStatus", "detail": "다음 중 하나여야 합니다: 예약취소"}


async def test_a_list_shows_the_buyers_own_reservations_and_staff_all(
    kim: ApiClient, lee: ApiClient, admin: ApiClient
) -> None:
    for person in (kim, kim, lee):
        await made_by(person)

    assert [await total(person) for person in (kim, lee, admin)] == [2, 1, 3]


async def test_what_was_never_registered_is_in_no_list_and_no_total(
    kim: ApiClient, admin: ApiClient, harness: ReservationHarness
) -> None:
    await harness.pending()
    given_up = await harness.pending()
    await harness.give_up(given_up)
    made = await made_by(kim)

    for person in (kim, admin):
        listed = (await ask(person, "GET /reservations")).json()["_embedded"]["reservations"]
        assert [one["reserveId"] for one in listed] == [made]
        assert await total(person) == 1
        assert (
            await ask(person, f"GET /reservations/{given_up.reservation_id}")
        ).status_code == 404


async def test_pages_show_each_reservation_once_even_when_a_batch_has_one_time(
    kim: ApiClient, harness: ReservationHarness
) -> None:
    await harness.consume(bike_changed(free=30, free_seq=2))
    pending = await harness.take_pending(*[a_request() for _ in range(25)])
    await harness.register(*pending)

    for sort in ("", "&sort=price,desc", "&sort=reserveDt"):
        seen = []
        for number in range(4):
            page = (await ask(kim, f"GET /reservations?size=7&page={number}{sort}")).json()
            seen += [one["reserveId"] for one in page["_embedded"]["reservations"]]
            await ask(kim, f"DELETE /reservations/{seen[-1]}")  # its row moves in the database
        assert sorted(seen) == sorted(str(one.reservation_id) for one in pending)


async def test_a_page_has_its_number_the_total_and_a_next_link(kim: ApiClient) -> None:
    for _ in range(3):
        await made_by(kim)

    page = (await ask(kim, "GET /reservations?size=2")).json()

    assert page["page"] == {"size": 2, "totalElements": 3, "totalPages": 2, "number": 0}
    assert page["_links"]["next"]["href"].startswith("/reservations?page=1&size=2&after=")


@pytest.mark.parametrize(
    "query", ["size=0", "size=101", "page=-1", "sort=userId", "sort=price,up", "size=x"]
)
async def test_a_malformed_page_request_is_422(kim: ApiClient, query: str) -> None:
    assert (await ask(kim, f"GET /reservations?{query}")).status_code == 422


@pytest.mark.parametrize(
    ("method", "one"), [("PUT", False), ("DELETE", False), ("PATCH", False), ("POST", True)]
)
async def test_an_unsupported_method_is_405_with_allow(
    kim: ApiClient, method: str, *, one: bool
) -> None:
    path = f"/reservations/{new_id()}" if one else "/reservations"

    answer = await ask(kim, f"{method} {path}", {})

    assert answer.status_code == 405
    allowed = {"GET", "HEAD", "OPTIONS"} | ({"PATCH", "DELETE"} if one else {"POST"})
    assert set(answer.headers["allow"].split(", ")) == allowed
