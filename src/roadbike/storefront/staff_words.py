"""The words of the audit log and of roles, in Korean and English."""

from collections.abc import Mapping
from typing import Any, Final

from roadbike.kit.audit_log import OPERATOR
from roadbike.storefront import wording
from roadbike.storefront.words import Words

Both = tuple[str, str]

ROLES: Final[Mapping[str, Both]] = {
    "admin": ("관리자", "Admin"),
    "clerk": ("배송 담당", "Clerk"),
    "buyer": ("구매자", "Buyer"),
}
KINDS: Final[Mapping[str, Both]] = {
    "bike": ("자전거", "Bike"),
    "reservation": ("예약", "Reservation"),
    "payment": ("결제", "Payment"),
    "delivery": ("배송", "Delivery"),
    "account": ("계정", "Account"),
    "event": ("이벤트", "Event"),
}
ACTIONS: Final[Mapping[str, Both]] = {
    "added": ("추가", "added"),
    "edited": ("수정", "edited"),
    "withdrawn": ("판매 중단", "withdrawn from sale"),
    "put-on-sale": ("다시 판매", "put back on sale"),
    "cancelled": ("취소", "cancelled"),
    "begun": ("구매자 대신 결제", "paid for the buyer"),
    "moved": ("상태 변경", "moved on"),
    "corrected": ("정정", "corrected"),
    "role-changed": ("역할 변경", "role changed"),
    "password-reset": ("비밀번호 재설정", "password reset"),
    "retried": ("다시 처리", "retried"),
    "dismissed": ("처리하지 않기로 함", "dismissed"),
}
FIELDS: Final[Mapping[str, Both]] = {
    "bikeNm": ("이름", "Name"),
    "price": ("가격", "Price"),
    "stockQty": ("재고", "In stock"),
    "brand": ("브랜드", "Brand"),
    "frameSize": ("사이즈", "Size"),
    "colour": ("색", "Colour"),
    "description": ("설명", "Description"),
    "geometry": ("지오메트리", "Geometry"),
    "withdrawn": ("판매 중단", "Withdrawn"),
    "reserveStatus": ("예약 상태", "Status"),
    "payStatus": ("결제 상태", "Status"),
    "deliveryStatus": ("배송 상태", "Status"),
    "carrier": ("택배사", "Carrier"),
    "trackingNo": ("운송장 번호", "Tracking number"),
    "userNm": ("받는 분", "Recipient"),
    "telNo": ("전화번호", "Phone"),
    "zipCd": ("우편번호", "Postcode"),
    "addrNm": ("주소", "Address"),
    "roles": ("역할", "Roles"),
    "event": ("이벤트", "Event"),
    "letter": ("데드 레터 번호", "Dead letter"),
}
LONGEST: Final = 60  # characters of a value that are shown
COMPLEX: Final = (dict,)


def of(names: Mapping[str, Both], name: str, words: Words) -> str:
    """Return the name in the language of the page; one that is not known as it is."""
    return words.t(*names[name]) if name in names else name


def person(by: str, words: Words) -> str:
    """Return who changed something: the user id, or the name of who used a command."""
    name = by.removeprefix(OPERATOR)
    return by if name == by else words.t(f"{name}(명령줄)", f"{name} (command line)")


def value(name: str, given: Any, words: Words) -> str:
    """Return a value of the audit log as people read it."""
    if given is None or given == "":
        return words.t("없음", "none")
    if isinstance(given, bool):
        return words.t("예", "yes") if given else words.t("아니요", "no")
    if isinstance(given, COMPLEX):
        return words.t("치수", "measures")
    if isinstance(given, list):
        return ", ".join(of(ROLES, str(each), words) for each in given)
    if name == "price":
        return words.money(given)
    text = str(given)
    text = words.t(text, wording.ENGLISH.get(text, text))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
