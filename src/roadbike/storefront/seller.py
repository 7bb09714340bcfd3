"""Who sells: what Korean law wants on every page of an online shop, from the settings."""

from collections.abc import Iterator
from typing import Final

import msgspec

from roadbike.kit.translations import Language, Text

LABELS: Final = {  # in the order of the footer (전자상거래법 §10, §13)
    "name": Text(ko="상호", en="Company"),
    "representative": Text(ko="대표자", en="Representative"),
    "registration": Text(ko="사업자등록번호", en="Business registration"),
    "mail_order": Text(ko="통신판매업 신고번호", en="Mail-order registration"),
    "address": Text(ko="주소", en="Address"),
    "phone": Text(ko="전화", en="Phone"),
    "email": Text(ko="이메일", en="E-mail"),
    "privacy": Text(ko="개인정보 보호책임자", en="Privacy officer"),
    "hosting": Text(ko="호스팅 제공자", en="Hosting"),
}


class Seller(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of the seller; an empty one is not shown."""

    name: str = ""
    representative: str = ""
    registration: str = ""
    mail_order: str = ""
    address: str = ""
    phone: str = ""
    email: str = ""
    privacy: str = ""
    hosting: str = ""

    def facts(self, language: Language) -> Iterator[tuple[str, str]]:
        """Yield the facts that are known, each with its name."""
        for attribute, label in LABELS.items():
            if value := getattr(self, attribute):
                yield label.in_(language), value
