"""A clerk sends parcels, reads stock and reservations, and sees no price and no payment."""

import re
from typing import Final

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.browserless import Browserless
from tests.browser.conftest import Visit
from tests.browser.desk import Desk, number_of
from tests.browser.staff import Staff
from tests.browser.visitors import PASSWORD, Language, Visitor
from tests.system.real_shop import Shop

CLERK: Final = "clerk-of-the-day"


@pytest.fixture(scope="module")
def clerk(shop: Shop, staff: Staff) -> str:
    """A clerk who has chosen a password; return the user id."""
    made = staff.call(
        "POST", "/accounts/staff", {"userId": CLERK, "userNm": "한가람", "role": "clerk"}
    )
    body = {"userId": CLERK, "password": made["oneTimePassword"], "newPassword": PASSWORD}
    answer = httpx.post(f"{shop.address('gateway')}/accounts/tokens", json=body, timeout=30)
    assert answer.status_code == 200, answer.text
    return CLERK


def desk_of(visit: Visit, clerk: str, language: Language) -> Desk:
    visitor: Visitor = visit(language=language)
    visitor.go("/login")
    visitor.user = clerk
    visitor.log_in_here()
    visitor.page.wait_for_url("**/staff/**")
    return Desk(visitor)


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_clerk_sends_a_parcel_and_sees_no_price(
    visit: Visit, shop: Shop, staff: Staff, clerk: str, language: Language
) -> None:
    buyer = Browserless(shop.address("gateway"))
    buyer.sign_up(f"of-a-clerk-{language}")
    bike = staff.bike()
    id_ = buyer.buy(bike)
    staff.until_allocated(id_)
    desk = desk_of(visit, clerk, language)
    menu = desk.visitor.page.get_by_role("navigation").first

    desk.visitor.page.locator("#q").fill(str(bike))
    desk.visitor.press("찾기", "Find")
    expect(desk.row(str(bike))).to_be_visible()
    expect(desk.row(str(bike)).get_by_role("link")).to_have_count(0)
    expect(menu).not_to_contain_text(desk.visitor.t("결제", "Payments"))
    for path in (
        "/staff/stock",
        "/staff/reservations",
        "/staff/deliveries",
        "/staff/deliveries/all",
    ):
        desk.visitor.go(path)
        assert "₩" not in desk.main.inner_text(), path
        assert "1,000,000" not in desk.main.inner_text(), path
    desk.group("보낼 것", "To send")
    parcel = desk.parcel(number_of(id_))
    parcel.locator("input[name=carrier]").fill("한진택배")
    parcel.locator("input[name=trackingNo]").fill("4211-0009")
    parcel.get_by_role("button", name=re.compile("배송 시작|Start delivery")).click()
    desk.sees("배송을 시작했습니다", "The delivery has started")


def test_what_is_not_for_a_clerk_says_so(visit: Visit, staff: Staff, clerk: str) -> None:
    desk, bike = desk_of(visit, clerk, "ko"), staff.bike()

    for path in (
        "/staff/payments",
        "/staff/stock/import",
        f"/staff/stock/{bike}",
        "/staff/stock.csv",
    ):
        desk.visitor.go(path)
        desk.visitor.sees_heading("권한이 없습니다", "")
