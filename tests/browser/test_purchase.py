"""A whole purchase with the mouse: in both languages, with and without JavaScript."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from roadbike.contracts.statuses import DeliveryStatus
from tests.browser.conftest import Visit
from tests.browser.staff import Staff
from tests.browser.visitors import SECONDS

ARROW = 312  # 가온바람 화살 in size 54, one of the demo bikes


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("scripts", [True, False])
def test_a_bike_is_found_reserved_paid_sent_and_received(
    visit: Visit, staff: Staff, language: Any, scripts: Any
) -> None:
    staff.edit(ARROW, stockQty=100)  # other tests sell it, too
    buyer = visit(language=language, scripts=scripts)

    buyer.go("/?q=hwasal")
    buyer.page.get_by_role("link", name=buyer.t("화살", "Hwasal"), exact=True).click()
    buyer.page.get_by_role("link", name=re.compile("^54")).click()
    buyer.sees_heading("화살 54", "Hwasal 54")
    buyer.fill_address(zip_code="308", phone="")
    buyer.press("로그인하고 예약하기", "Log in and reserve")
    buyer.sees("2가지를 고쳐 주세요", "Please correct 2")
    assert buyer.page.locator("#name").input_value() == "김하늘"
    buyer.fill_address()
    buyer.press("로그인하고 예약하기", "Log in and reserve")
    buyer.follow("가입하기", "Sign up")
    buyer.sign_up()
    buyer.sees_heading("이대로 예약할까요?", "Reserve this bike?")
    buyer.page.locator("main form button").click()

    buyer.page.wait_for_url("**/pay/*")
    buyer.page.locator("summary").click()
    buyer.page.locator("button[value=decline]").click()
    expect(buyer.page.get_by_role("alert")).to_be_visible()
    reservation_id = buyer.pay()
    wait_for_heading(buyer, "자전거를 준비하고 있습니다", "We are preparing your bike")

    started = {"carrier": "한빛택배", "trackingNo": "6012-3345-7781"}
    staff.move(reservation_id, DeliveryStatus.STARTED, **started)
    wait_for_heading(buyer, "자전거가 매장을 떠났습니다", "Your bike has left the shop")
    buyer.sees("6012-3345-7781", "6012-3345-7781")
    staff.move(reservation_id, DeliveryStatus.COMPLETED)
    wait_for_heading(buyer, "자전거를 받으셨습니다", "Your bike has arrived")

    steps = buyer.page.locator("#steps li b").all_inner_texts()
    assert steps[0] == buyer.t("자전거를 받으셨습니다", "Arrived")
    assert steps[-1] == buyer.t("예약했습니다", "Reserved")
    ids = [step.get_attribute("data-id") for step in buyer.page.locator("#steps li").all()]
    assert len(ids) == len(set(ids))


def wait_for_heading(buyer: Any, ko: str, en: str) -> None:
    """With JavaScript the page changes by itself; without, it is loaded again."""
    heading = buyer.page.locator("h1")
    if buyer.scripts:
        expect(heading).to_have_text(buyer.t(ko, en), timeout=20 * SECONDS)
        return
    for _ in range(100):
        if heading.inner_text() == buyer.t(ko, en):
            return
        buyer.page.wait_for_timeout(100)
        buyer.page.reload()
    raise AssertionError((heading.inner_text(), buyer.t(ko, en)))
