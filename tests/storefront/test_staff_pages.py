"""Whom the pages of staff are for, and what their menu names."""

from typing import Any

import pytest

from roadbike.kit.pure.refusals import Forbidden, NotFound
from roadbike.kit.web import ADMIN, ANYONE, STAFF, Who
from roadbike.storefront import sections
from roadbike.storefront.sections import Section
from roadbike.storefront.seller import Seller
from roadbike.storefront.visitors import User, Visitor
from roadbike.storefront.web import LogInNeeded, require_role

SECTIONS = (
    Section("/staff/parcels", "배송", "Parcels", STAFF),
    Section("/staff/money", "결제", "Money", ADMIN),
)


def visitor(*roles: str) -> Visitor:
    user = User("hana", "박해솔", frozenset(roles), token="") if roles else None
    return Visitor(language="ko", theme="", path="/staff", client="", seller=Seller(), user=user)


@pytest.mark.parametrize(
    ("roles", "who", "refusal"),
    [
        ((), ANYONE, None),
        ((), STAFF, LogInNeeded),
        (("buyer",), STAFF, NotFound),
        (("buyer",), ADMIN, NotFound),
        (("clerk",), STAFF, None),
        (("clerk",), ADMIN, Forbidden),
        (("admin",), STAFF, None),
        (("admin", "buyer"), ADMIN, None),
    ],
)
def test_whom_a_page_is_for(roles: tuple[str, ...], who: Who, refusal: Any) -> None:
    if refusal is None:
        require_role(visitor(*roles), who)
        return
    with pytest.raises(refusal):
        require_role(visitor(*roles), who)


@pytest.mark.parametrize(
    ("roles", "named"),
    [((), []), (("buyer",), []), (("clerk",), ["Parcels"]), (("admin",), ["Parcels", "Money"])],
)
def test_the_menu_names_what_the_role_may_use(
    monkeypatch: pytest.MonkeyPatch, roles: tuple[str, ...], named: list[str]
) -> None:
    monkeypatch.setattr(sections, "SECTIONS", SECTIONS)

    assert [section.en for section in sections.sections(visitor(*roles))] == named
