"""Bodies that are refused: each fault is named, and nothing is written."""

from typing import Literal

import pytest

from roadbike.kit.db.ids import new_id
from tests.reservation.http import ask, pointers, post_reservation
from tests.reservation.service_harness import ReservationHarness
from tests.service_harness import ApiClient

WRONG: list[tuple[object, list[str]]] = [
    ({}, ["/bikeId"]),
    ({"price": 5_100_000}, ["/bikeId"]),
    ({"bikeId": "1"}, ["/bikeId"]),
    ({"bikeId": True}, ["/bikeId"]),
    ({"bikeId": 1.5}, ["/bikeId"]),
    ({"bikeId": None}, ["/bikeId"]),
    ({"bikeId": [1]}, ["/bikeId"]),
    ({"bikeId": 0}, ["/bikeId"]),
    ({"bikeId": -1}, ["/bikeId"]),
    ({"bikeId": 2**31}, ["/bikeId"]),
    ({"bikeId": 1, "price": -100}, ["/price"]),
    ({"bikeId": 1, "price": 0}, ["/price"]),
    ({"bikeId": 1, "price": "5100000"}, ["/price"]),
    ({"bikeId": 1, "price": True}, ["/price"]),
    ({"bikeId": 1, "price": 5100000.5}, ["/price"]),
    ({"bikeId": 1, "price": 10**12 + 1}, ["/price"]),
    ({"bikeId": 1, "userNm": ""}, ["/userNm"]),
    ({"bikeId": 1, "userNm": "두\n줄"}, ["/userNm"]),
    ({"bikeId": 1, "userNm": "김라이더\n"}, ["/userNm"]),
    ({"bikeId": 1, "userNm": "가" * 201}, ["/userNm"]),
    ({"bikeId": 1, "userNm": 7}, ["/userNm"]),
    ({"bikeId": 1, "addrNm": "a\u0000b"}, ["/addrNm"]),
    ({"bikeId": 1, "addrNm": ""}, ["/addrNm"]),
    ({"bikeId": 1, "zipCd": "1"}, ["/zipCd"]),
    ({"bikeId": 1, "zipCd": "성남시"}, ["/zipCd"]),
    ({"bikeId": 1, "zipCd": 13561}, ["/zipCd"]),
    ({"bikeId": 1, "zipCd": "13561\n"}, ["/zipCd"]),
    ({"bikeId": 1, "amount": 1}, ["/amount"]),
    ({"bikeId": 1, "registered": True, "rowVersion": 1}, ["/registered", "/rowVersion"]),
    ({"bikeId": 1, "bike_id": 1}, ["/bike_id"]),
    ([], [""]),
    ("1", [""]),
    (None, [""]),
]
UNREADABLE = [b"{", b"", b'{"bikeId": NaN}', b'{"bikeId": 1}}', b"\xff\xfe", b"bikeId=1"]
STATUSES: list[object] = [
    {},
    {"reserveStatus": "예약완료"},
    {"reserveStatus": "접수중"},
    {"reserveStatus": ""},
    {"reserveStatus": None},
    {"reserveStatus": 1},
    {"reserveStatus": "예약취소", "price": 1},
    {"price": 1},
]


@pytest.fixture
def dialect() -> Literal["postgresql"]:
    return "postgresql"


@pytest.fixture
async def reserve_id(kim: ApiClient) -> str:
    made = await post_reservation(kim, {"bikeId": 1})
    return str(made.json()["reserveId"])


async def test_a_wrong_request_is_422_and_names_the_wrong_fields(
    kim: ApiClient, harness: ReservationHarness
) -> None:
    for body, named in WRONG:
        raw = b"null" if body is None else body
        answer = await ask(kim, "POST /reservations", raw)
        assert answer.status_code == 422, (body, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert pointers(answer) == named, body

    assert await harness.count_rows() == (0, 0)


async def test_a_body_that_is_not_json_is_400(kim: ApiClient, harness: ReservationHarness) -> None:
    for raw in UNREADABLE:
        answer = await ask(kim, "POST /reservations", raw)
        assert answer.status_code == 400, (raw, answer.text)

    assert await harness.count_rows() == (0, 0)


async def test_optional_fields_may_be_left_out(kim: ApiClient) -> None:
    for body in (
        {"bikeId": 1},
        {"bikeId": 1, "price": None, "userNm": None, "zipCd": None, "addrNm": None},
        {"bikeId": 1, "zipCd": "SW1A 1AA", "userNm": "Ola 🚲", "addrNm": "경기도 <b>"},
    ):
        assert (await post_reservation(kim, body)).status_code == 201


async def test_any_other_change_than_a_cancel_is_422(
    kim: ApiClient, harness: ReservationHarness, reserve_id: str
) -> None:
    for body in STATUSES:
        answer = await ask(kim, f"PATCH /reservations/{reserve_id}", body)
        assert answer.status_code == 422, (body, answer.text)

    assert await harness.published_types() == ["ReservationRegistered"]


@pytest.mark.parametrize("other", ["1", "x", "00000000-0000-0000-0000-00000000000", "%00"])
async def test_a_malformed_id_is_not_found(kim: ApiClient, other: str) -> None:
    for what in (f"GET /reservations/{other}", f"DELETE /reservations/{other}"):
        assert (await ask(kim, what)).status_code == 404


@pytest.mark.parametrize("key", ["", " ", "a b", "열쇠", "x" * 256, "\t"])
async def test_a_malformed_key_is_422_and_named(
    kim: ApiClient, harness: ReservationHarness, key: str
) -> None:
    headers = {**kim.headers, "Content-Type": "application/json", "Idempotency-Key": key}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]

    answer = await kim.client.request(
        "POST", "/reservations", content=b'{"bikeId": 1}', headers=raw
    )

    assert answer.status_code == 422
    assert pointers(answer) == ["Idempotency-Key"]
    assert await harness.count_rows() == (0, 0)


async def test_the_longest_key_is_stored(kim: ApiClient, harness: ReservationHarness) -> None:
    key = "~" * 255

    answer = await post_reservation(kim, {"bikeId": 1}, Idempotency_Key=key)

    assert answer.status_code == 201
    assert await harness.count_rows() == (1, 1)


async def test_a_body_of_another_media_type_is_415(kim: ApiClient) -> None:
    answer = await ask(kim, "POST /reservations", {"bikeId": 1}, Content_Type="text/plain")

    assert answer.status_code == 415


async def test_an_absent_reservation_is_not_found_whatever_the_body(kim: ApiClient) -> None:
    answer = await ask(kim, f"PATCH /reservations/{new_id()}", {"reserveStatus": "예약취소"})

    assert answer.status_code == 404
