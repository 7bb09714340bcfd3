"""What the form of an address takes, reservation takes: nobody is refused at the last step."""

from typing import Final

import msgspec
import pytest

from roadbike.kit.web.bodies import Reader
from roadbike.reservation.api import NewReservation
from roadbike.storefront.addresses import FIELDS, cleaned, faults_of

ADDRESS: Final = {
    "name": "김하늘",
    "phone": "010-1234-5678",
    "zip_code": "03086",
    "address": "서울특별시 종로구 대학로 00, 302호",
}


def reserved(typed: dict[str, str]) -> NewReservation:
    body = {"bikeId": 1} | {wire: typed[name] for name, wire in FIELDS.items()}
    read: NewReservation = Reader(NewReservation).read(msgspec.json.encode(body))
    return read


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"phone": "02.1234.5678"},
        {"phone": "+82 (0)10 1234 5678"},
        {"phone": " 0212345678\u3000"},
        {"name": "가" * 200, "address": "나" * 200},
        {"name": "\U0001f469\U0001f3fd\u200d\U0001f680 Ann"},
    ],
)
def test_an_address_that_the_form_takes_is_taken_by_reservation(more: dict[str, str]) -> None:
    typed = {name: cleaned(value) for name, value in (ADDRESS | more).items()}

    assert faults_of(typed, "ko") == {}
    assert reserved(typed).phone == typed["phone"]


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("name", "\u3164", "Line breaks and characters that are not visible"),
        ("name", "", "Please give the name"),
        ("phone", "12-------------3456", "Please write the phone number"),
        ("phone", "0" * 40, "Please write the phone number"),
        ("zip_code", "0308", "The postcode has to have five digits"),
        ("address", "나" * 201, "Please use at most 200 characters"),
        ("address", "두\n줄", "Line breaks and characters that are not visible"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(name: str, value: str, fault: str) -> None:
    found = faults_of(ADDRESS | {name: cleaned(value)}, "en")

    assert [*found] == [name]
    assert found[name].startswith(fault)
