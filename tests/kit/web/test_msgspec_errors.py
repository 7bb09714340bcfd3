"""What msgspec finds wrong is said in the reader's language, without msgspec's own words."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import msgspec
import pytest
from msgspec import Meta

from roadbike.kit.pure.refusals import Fault, Invalid
from roadbike.kit.translations import Translations, load_translations
from roadbike.kit.web.bodies import Body, Line, Reader
from roadbike.kit.web.msgspec_errors import fault_of

DIGITS = Meta(pattern=r"^\d+$")
ZIP = Meta(pattern=r"^\d{5}$", extra={"fault": "fault-key"})


class Parcel(Body, frozen=True, kw_only=True):
    count: Annotated[int, Meta(ge=1, le=10**12)] = 1
    weight: Annotated[float, Meta(ge=-0.5)] = 1.0
    owner: Annotated[str, Meta(min_length=8, max_length=1000)] = "somebody"
    label: Annotated[str, Meta(min_length=1)] = "x"
    line: Line | None = None
    digits: Annotated[str, DIGITS] = "1"
    zip: Annotated[str, ZIP] | None = None
    zip_again: Annotated[str, Meta(min_length=1), ZIP] = "13561"
    price: int | None = None
    number: UUID | None = None
    fragile: bool = False
    tags: list[str] = msgspec.field(default_factory=list)
    sizes: dict[str, int] = msgspec.field(default_factory=dict)
    either: int | str | None = None


@pytest.fixture(scope="module")
def messages() -> Translations:
    return load_translations("roadbike.kit")


def fault(member: Mapping[str, Any]) -> Fault:
    with pytest.raises(Invalid) as refused:
        Reader(Parcel).read(msgspec.json.encode(member))
    (found,) = refused.value.faults
    return found


@pytest.mark.parametrize(
    ("member", "ko", "en"),
    [
        ({"count": 0}, "1 이상이어야 합니다.", "Must be 1 or more."),
        (
            {"count": 10**12 + 1},
            "1,000,000,000,000 이하여야 합니다.",
            "Must be 1,000,000,000,000 or less.",
        ),
        ({"weight": -0.75}, "-0.5 이상이어야 합니다.", "Must be -0.5 or more."),
        ({"owner": "short"}, "8자 이상이어야 합니다.", "Must have at least 8 characters."),
        (
            {"owner": "x" * 1001},
            "1,000자 이하여야 합니다.",
            "Must have at most 1,000 characters.",
        ),
        ({"label": ""}, "비워 둘 수 없습니다.", "Must not be empty."),
        (
            {"line": "two\nlines"},
            "줄바꿈, 제어 문자, 보이지 않는 문자 없이 한 줄로 입력해 주세요.",
            "Must be a single line without control characters and other invisible characters.",
        ),
        (
            {"digits": "x"},
            "정해진 형식에 맞지 않습니다.",
            "This does not have the required format.",
        ),
        (
            {"number": "7"},
            "소문자와 하이픈으로 쓴 36자의 UUID여야 합니다.",
            "Must be a UUID: 36 characters, in lower case and with hyphens.",
        ),
    ],
)
def test_a_limit_is_said_in_words(
    messages: Translations, member: dict[str, Any], ko: str, en: str
) -> None:
    found = fault(member)

    assert found.pointer == "/" + "".join(member)
    assert messages.detail(found.slug, "ko", found.facts) == ko
    assert messages.detail(found.slug, "en", found.facts) == en


@pytest.mark.parametrize(
    ("member", "ko", "en"),
    [
        ({"count": "1"}, "정수여야 하는데 문자열이", "an integer, not a string"),
        (
            {"count": 1.5},
            "정수여야 하는데 소수점이 있는 숫자가",
            "an integer, not a number with a decimal point",
        ),
        ({"count": True}, "정수여야 하는데 true/false 값이", "an integer, not true or false"),
        ({"count": None}, "정수여야 하는데 null 값이", "an integer, not null"),
        ({"count": []}, "정수여야 하는데 배열이", "an integer, not an array"),
        ({"count": {}}, "정수여야 하는데 객체가", "an integer, not an object"),
        ({"weight": "1"}, "숫자여야 하는데 문자열이", "a number, not a string"),
        ({"owner": 1}, "문자열이어야 하는데 정수가", "a string, not an integer"),
        ({"fragile": 1}, "true/false 값이어야 하는데 정수가", "true or false, not an integer"),
        ({"tags": "x"}, "배열이어야 하는데 문자열이", "an array, not a string"),
        ({"sizes": []}, "객체여야 하는데 배열이", "an object, not an array"),
        (
            {"price": "1"},
            "정수 또는 null 값이어야 하는데 문자열이",
            "an integer or null, not a string",
        ),
        (
            {"either": []},
            "정수 또는 문자열 또는 null 값이어야 하는데 배열이",
            "an integer or a string or null, not an array",
        ),
    ],
)
def test_a_wrong_type_is_said_in_words(
    messages: Translations, member: dict[str, Any], ko: str, en: str
) -> None:
    found = fault(member)

    assert messages.detail(found.slug, "ko", found.facts) == f"{ko} 왔습니다."
    assert messages.detail(found.slug, "en", found.facts) == f"Must be {en}."


def test_a_type_without_a_noun_is_still_named(messages: Translations) -> None:
    found = fault_of("Expected `duration`, got `int` - at `$.wait`")

    assert messages.detail(found.slug, "ko", found.facts) == (
        "duration 값이어야 하는데 정수가 왔습니다."
    )
    assert messages.detail(found.slug, "en", found.facts) == "Must be duration, not an integer."


@pytest.mark.parametrize("name", ["zip", "zip_again"])
def test_a_pattern_may_name_its_message(name: str) -> None:
    assert fault({name: "nowhere"}) == Fault(slug="fault-key", pointer=f"/{name}")


def test_what_msgspec_may_say_one_day_is_a_fault_all_the_same() -> None:
    assert fault_of("Something new - at `$.tags[3].name`") == Fault(
        slug="fault-value", pointer="/tags/3/name"
    )
