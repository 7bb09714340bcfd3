"""What the shop's bodies do not take is explained in words, in Korean and English."""

from typing import Any

import msgspec
import pytest
from msgspec import Struct

from roadbike.account.api import SignUp
from roadbike.account.sessions_api import SessionLogIn
from roadbike.delivery.api import DeliveryChange
from roadbike.kit.process.operator_routes import Dismissal
from roadbike.kit.pure.refusals import Invalid
from roadbike.kit.pure.texts import CHECKS
from roadbike.kit.translations import load_translations
from roadbike.kit.web.bodies import Body, Reader
from roadbike.payment.api import OpenPaymentBody, PaymentChange
from roadbike.reservation.api import Cancelling, NewReservation
from roadbike.stock.api import NewBike

MESSAGES = load_translations("roadbike.kit", "roadbike.contracts")
BIKE = {"bikeNm": "TREK Emonda", "price": 5_100_000, "stockQty": 2}
BUYER = {"userId": "kim", "password": "correct horse", "userNm": "김라이더"}


def details(body: type[Body], member: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(Invalid) as refused:
        Reader(body).read(msgspec.json.encode(member))
    (fault,) = refused.value.faults
    ko, en = (MESSAGES.detail(fault.slug, language, fault.facts) for language in ("ko", "en"))
    return ko, en


@pytest.mark.parametrize(
    ("body", "member", "ko", "en"),
    [
        (
            SignUp,
            BUYER | {"password": "short"},
            "8자 이상이어야 합니다.",
            "Must have at least 8 characters.",
        ),
        (
            NewReservation,
            {"bikeId": "1"},
            "정수여야 하는데 문자열이 왔습니다.",
            "Must be an integer, not a string.",
        ),
        (
            NewReservation,
            {"bikeId": 1, "zipCd": "성남시"},
            "우편번호는 숫자, 영문자, 공백, 하이픈(-)으로 3~10자여야 합니다.",
            "A zip code has 3 to 10 characters: digits, letters a-z, spaces and hyphens.",
        ),
        (
            NewReservation,
            {"bikeId": 1, "addrNm": "두\n줄"},
            "줄바꿈, 제어 문자, 보이지 않는 문자 없이 한 줄로 입력해 주세요.",
            "Must be a single line without control characters and other invisible characters.",
        ),
        *(
            (
                NewBike,
                BIKE | {member: " \u3000"},
                "눈에 보이는 글자를 입력해 주세요. 비워 두거나 공백만 입력할 수 없습니다.",
                "Must have something visible in it, not only spaces.",
            )
            for member in ("bikeNm", "description")
        ),
        (
            NewBike,
            BIKE | {"price": 10**12 + 1},
            "1,000,000,000,000 이하여야 합니다.",
            "Must be 1,000,000,000,000 or less.",
        ),
        (
            Cancelling,
            {"reserveStatus": "예약완료"},
            "다음 중 하나여야 합니다: 예약취소",
            "Must be one of: 예약취소",
        ),
        (PaymentChange, {}, "필수 항목입니다.", "This field is required."),
        (
            DeliveryChange,
            {"deliveryStatus": 1},
            "문자열이어야 하는데 정수가 왔습니다.",
            "Must be a string, not an integer.",
        ),
    ],
)
def test_a_rejected_member_is_explained(
    body: type[Body], member: dict[str, Any], ko: str, en: str
) -> None:
    assert details(body, member) == (ko, en)


def test_every_pattern_of_the_shop_names_its_own_message() -> None:
    unnamed = [
        f"{body.__name__}.{field.name}"
        for body in every_body(Body)
        for field in msgspec.structs.fields(body)
        for kind in kinds(field.type)
        if isinstance(kind, msgspec.inspect.Metadata)
        and getattr(kind.type, "pattern", None)
        and (kind.extra or {}).get("fault") not in MESSAGES.entries
    ]

    assert {SessionLogIn, Dismissal} < set(every_body(Body))
    assert unnamed == []


def test_every_text_of_the_shop_says_what_it_may_contain() -> None:
    """Passwords are the exception: they may have every character that JSON can hold.

    Ids of sessions and devices are random characters of ours, and are only compared.
    """
    undeclared = {
        f"{body.__name__}.{field.name}"
        for body in every_body(Struct)
        if issubclass(body, Body) or body is OpenPaymentBody
        for field in msgspec.structs.fields(body)
        for kind in kinds(field.type)
        if isinstance(getattr(kind, "type", kind), msgspec.inspect.StrType)
        and (getattr(kind, "extra", None) or {}).get("text") not in CHECKS
    }

    assert undeclared == {
        *("SignUp.password", "Credentials.password", "SessionLogIn.password"),
        *("Credentials.new_password", "SessionLogIn.new_password"),
        *("PasswordChange.password", "PasswordChange.new_password"),
        "SessionLogIn.device_token",
        *("SessionRef.session", "PasswordChange.session"),
    }


def every_body(base: type[Struct]) -> list[type[Struct]]:
    found = [kind for kind in base.__subclasses__() if kind.__module__.startswith("roadbike.")]
    return found + [below for kind in found for below in every_body(kind)]


def kinds(type_: Any) -> tuple[msgspec.inspect.Type, ...]:
    described = msgspec.inspect.type_info(type_)
    is_union = isinstance(described, msgspec.inspect.UnionType)
    return described.types if is_union else (described,)
