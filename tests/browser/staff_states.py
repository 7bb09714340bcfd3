"""States of the pages of staff that a visit can hardly bring about, with facts for them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from roadbike.contracts.identity import Role
from roadbike.kit.audit_log import HIDDEN
from roadbike.storefront import staff_log, staff_words
from roadbike.storefront.rendering import render
from roadbike.storefront.staff_account_pages import MAX_REASON, ROLES
from roadbike.storefront.staff_log import Change, LogPage
from roadbike.storefront.visitors import User
from tests.browser.states import FAULTS, ID, REFUSED, visitor

HANA: Final[Mapping[str, Any]] = {
    "userId": "hana.park",
    "userNm": "박해솔",
    "roles": ["clerk"],
    "createdAt": "2026-10-05T05:04:10.120Z",
    "oneTimeUntil": "2026-10-12T05:04:10.120Z",
    "oneTimePassword": "k7mq-x2fp-9wzt-h4sd",
}
TYPED: Final = {"userId": "hana park", "userNm": "", "role": "admin", "why": "새 직원"}
CHANGES: Final[
    tuple[tuple[str, str, str, str, dict[str, Any], dict[str, Any], str | None], ...]
] = (
    ("hana.park", "bike", "312", "edited", {"price": 6_400_000}, {"price": 6_250_000}, None),
    (
        *("hana.park", "reservation", ID, "cancelled"),
        {"reserveStatus": "예약완료"},
        {"reserveStatus": "예약취소"},
        "고객 전화 요청",
    ),
    (
        *("lee", "delivery", ID, "moved"),
        {"deliveryStatus": "배송준비", "carrier": None, "addrNm": HIDDEN},
        {"deliveryStatus": "배송시작", "carrier": "한빛택배", "addrNm": HIDDEN},
        None,
    ),
    ("operator:kim", "account", "lee", "added", {}, {"roles": ["admin"]}, "가" * 200),
    (
        *("lee", "bike", "313", "added"),
        {"bikeNm": "", "geometry": None, "withdrawn": False},
        {"bikeNm": "가온바람 화살 56", "geometry": {"stack": 1}, "withdrawn": True},
        None,
    ),
    ("lee", "account", "hana.park", "password-reset", {}, {}, "잊음"),
)


def pages(language: Any) -> Iterator[tuple[str, bytes]]:
    """Yield each page with a name for its state."""
    user = User("boss", "이도윤", frozenset({"admin"}), token="")
    boss = replace(visitor(language), user=user, path="/staff/accounts")
    stranger = replace(visitor(language), user=None, path="/login")
    for name, (template, facts) in _pages().items():
        who = stranger if template == "login.html" else boss
        yield name, render(template, who, **facts)


def _pages() -> Mapping[str, tuple[str, Mapping[str, Any]]]:
    log_in = {"typed": FAULTS, "problem": REFUSED, "following": "/", "is_choosing": True}
    words = {"words": staff_words, "most": MAX_REASON}
    account = words | {"account": HANA, "path": "/staff/accounts/hana.park", "roles": tuple(Role)}
    account |= {"done": "", "fault": None, "refusal": None, "why": ""}
    listed = words | {"accounts": [HANA], "typed": TYPED, "roles": ROLES}
    new = {"newPassword": "너무 흔한 비밀번호입니다."}
    return {
        "log-in-choose": ("login.html", log_in | {"faults": {}, "is_asked": True}),
        "log-in-chosen-badly": ("login.html", log_in | {"faults": new, "is_asked": False}),
        "staff-one-time": (
            "staff/one_time_password.html",
            {"account": HANA, "is_new": True, "words": staff_words},
        ),
        "staff-account-done": ("staff/account.html", account | {"done": "role"}),
        "staff-account-no-reason": (
            "staff/account.html",
            account | {"fault": ("role", "이유를 적어 주세요.")},
        ),
        "staff-account-refused": (
            "staff/account.html",
            account | {"refusal": ("password", REFUSED), "why": "잊음"},
        ),
        "staff-accounts-refused": ("staff/accounts.html", listed | {"faults": FAULTS}),
        "staff-log-all": ("staff/audit.html", _log()),
    }


def _log() -> dict[str, Any]:
    now = datetime.now(UTC)
    changes = [
        Change(
            seq=number,
            at=now - timedelta(hours=number * 9),
            by=by,
            kind=kind,
            thing=thing,
            action=action,
            before=before,
            after=after,
            why=why,
        )
        for number, (by, kind, thing, action, before, after, why) in enumerate(CHANGES)
    ]
    return {
        "found": LogPage(changes, "x", ["payment"]),
        "typed": {"by": "hana.park"},
        "words": staff_words,
        "is_hidden": staff_log.is_hidden,
        "first": "/staff/audit",
        "next": "/staff/audit?after=x",
        "table": "/staff/audit.csv",
    }
