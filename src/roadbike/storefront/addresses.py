"""The fields of a delivery address on a form: their names on the wire, and what may be wrong."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from roadbike.contracts.types import ADDRESS_LENGTH, NAME_LENGTH, Phone
from roadbike.kit.pure.texts import UnusableText, line
from roadbike.kit.translations import Language, Text

FIELDS: Final = {"name": "userNm", "phone": "telNo", "zip_code": "zipCd", "address": "addrNm"}

ZIP_CODE: Final = re.compile(r"[0-9]{5}")
LONGEST: Final = {"name": NAME_LENGTH, "address": ADDRESS_LENGTH}  # characters

MISSING: Final[Mapping[str, Text]] = {
    "name": Text(ko="받는 분을 적어 주세요.", en="Please give the name of the recipient."),
    "phone": Text(ko="전화번호를 적어 주세요.", en="Please give a phone number."),
    "zip_code": Text(
        ko="우편번호는 숫자 5자리여야 합니다.", en="The postcode has to have five digits."
    ),
    "address": Text(ko="주소를 적어 주세요.", en="Please give the address."),
}
WRONG_PHONE: Final = Text(
    ko="전화번호는 숫자와 하이픈으로 적어 주세요.",
    en="Please write the phone number with digits and hyphens.",
)
WRONG_CHARACTERS: Final = Text(
    ko="보이지 않는 문자나 줄바꿈은 쓸 수 없습니다.",
    en="Line breaks and characters that are not visible are not possible here.",
)
TOO_LONG: Final = Text(ko="200자 이하로 적어 주세요.", en="Please use at most 200 characters.")


def cleaned(typed: str) -> str:
    """Return the text as one line, composed and without spaces around it; wrong ones unchanged."""
    try:
        return line(typed) if typed else typed
    except UnusableText:
        return typed


def faults_of(typed: Mapping[str, str], language: Language) -> dict[str, str]:
    """Return what has to be corrected, by the name of the field, in the order of the form."""
    found = {name: fault for name in FIELDS if (fault := _fault(name, typed[name]))}
    return {name: fault.in_(language) for name, fault in found.items()}


def _fault(name: str, value: str) -> Text | None:
    if not value or (name == "zip_code" and not ZIP_CODE.fullmatch(value)):
        return MISSING[name]
    if name == "phone" and not _is_phone(value):
        return WRONG_PHONE
    return TOO_LONG if len(value) > LONGEST.get(name, len(value)) else _characters(value)


def _is_phone(value: str) -> bool:
    """Return whether the services take the phone number."""
    try:
        msgspec.convert(value, Phone)
    except msgspec.ValidationError:
        return False
    return True


def _characters(value: str) -> Text | None:
    try:
        line(value)
    except UnusableText:
        return WRONG_CHARACTERS
    return None
