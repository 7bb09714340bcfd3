"""A purchase, and the main day of staff, with the keyboard alone; the focus can be seen."""

import re
from typing import Final

from playwright.sync_api import expect

from tests.browser.browserless import Browserless
from tests.browser.conftest import Visit
from tests.browser.desk import number_of
from tests.browser.staff import Staff
from tests.browser.visitors import ADDRESS, PASSWORD, SECONDS, Visitor
from tests.system.real_shop import Shop

MOST_TABS: Final = 400  # a full list of the day has 50 parcels
FOCUSED: Final = """() => {
  const it = document.activeElement;
  const style = getComputedStyle(it);
  const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  return [it.id, it.textContent.trim(), seen, it === document.body];
}"""


def go_to(buyer: Visitor, wanted: str) -> None:
    """Press Tab until the element with that id, or whose text begins so, has the focus."""
    passed = []
    for _ in range(MOST_TABS):
        buyer.page.keyboard.press("Tab")
        id_, text, is_seen, is_body = buyer.page.evaluate(FOCUSED)
        passed.append(id_ or text[:30])
        assert is_seen or is_body, ("the focus cannot be seen", passed[-1])
        if id_ == wanted or text.startswith(wanted):
            return
    raise AssertionError((wanted, passed))


def fill(buyer: Visitor, fields: dict[str, str]) -> None:
    for id_, text in fields.items():
        go_to(buyer, id_)
        buyer.page.keyboard.type(text)


def test_a_bike_is_bought_with_the_keyboard_alone(visit: Visit) -> None:
    buyer = visit(language="en")
    keyboard = buyer.page.keyboard

    buyer.go("/")
    keyboard.press("Tab")
    expect(buyer.page.get_by_role("link", name="Skip to the content")).to_be_focused()
    fill(buyer, {"q": "hwasal"})
    keyboard.press("Enter")
    buyer.page.wait_for_url("**/?q=hwasal*")
    go_to(buyer, "Hwasal")
    keyboard.press("Enter")
    buyer.sees_heading("", "Hwasal")
    fill(buyer, ADDRESS)
    go_to(buyer, "Log in and reserve")
    keyboard.press("Enter")
    buyer.page.wait_for_url(re.compile("/login"))
    go_to(buyer, "Sign up")
    keyboard.press("Enter")
    buyer.page.wait_for_url(re.compile("/signup"))
    fill(buyer, {"userId": "keyboard-only", "userNm": "Kim", "password": PASSWORD})
    keyboard.press("Enter")
    buyer.page.wait_for_url(re.compile(r"^[^?]+/review/"))  # not the one in `next`
    go_to(buyer, "Reserve for")
    keyboard.press("Enter")
    buyer.page.wait_for_url("**/pay/*")
    go_to(buyer, "Pay ")
    keyboard.press("Enter")
    buyer.page.wait_for_url("**/purchases/*")

    heading = buyer.page.locator("h1")
    expect(heading).to_have_text(re.compile("We are preparing your bike"), timeout=20 * SECONDS)


def test_staff_send_a_parcel_and_cancel_for_a_buyer_with_the_keyboard_alone(
    visit: Visit, shop: Shop, staff: Staff
) -> None:
    bike = staff.bike()
    buyer = Browserless(shop.address("gateway"))
    buyer.sign_up("keyboard-buyer")
    sent, unsent = buyer.buy(bike), buyer.buy(bike)
    for reservation_id in (sent, unsent):
        staff.until_allocated(reservation_id)
    desk = visit(language="en")
    keyboard = desk.page.keyboard

    desk.go("/login")
    fill(desk, {"userId": "admin", "password": shop.shop_file["logins"]["admin"]})
    keyboard.press("Enter")
    desk.page.wait_for_url("**/staff/**")
    go_to(desk, "Deliveries")
    keyboard.press("Enter")
    desk.page.wait_for_url("**/staff/deliveries")
    number = number_of(sent)
    fill(desk, {f"carrier-{number}": "CJ", f"trackingNo-{number}": "4211-0001"})
    go_to(desk, "Start delivery")
    keyboard.press("Enter")
    expect(desk.page.get_by_role("status")).to_have_text("The delivery has started.")
    assert staff.delivery(sent)["deliveryStatus"] == "배송시작"

    go_to(desk, "Reservations")
    keyboard.press("Enter")
    desk.page.wait_for_url("**/staff/reservations")
    fill(desk, {"f-bikeId": str(bike)})
    keyboard.press("Enter")
    desk.page.wait_for_url(re.compile("bikeId="))
    go_to(desk, f"Cancel… {number_of(unsent)}")
    keyboard.press("Enter")
    desk.sees_heading("", "Cancel for the buyer?")
    fill(desk, {"reason": "by phone"})
    keyboard.press("Enter")
    expect(desk.page.get_by_role("status")).to_have_text("Cancelled for the buyer.")
    assert staff.call("GET", f"/reservations/{unsent}")["reserveStatus"] == "예약취소"
