"""What the pages do when something goes wrong: nothing is lost, and nothing happens twice."""

import subprocess
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.staff import Staff
from tests.browser.visitors import SECONDS, Visitor
from tests.system.real_shop import Shop


def test_a_double_click_and_a_form_sent_again_reserve_once(visit: Visit, staff: Staff) -> None:
    buyer, bike = visit(), staff.bike(units=9)
    buyer.sign_up()
    buyer.review(bike)
    review = buyer.path

    buyer.page.locator("main form button").first.dblclick()
    buyer.page.wait_for_url("**/pay/*")
    payment = buyer.path
    buyer.go(review)
    buyer.page.locator("main form button").first.click()
    buyer.page.wait_for_url("**/pay/*")

    assert buyer.path == payment
    reservations = staff.call("GET", "/reservations?size=100")["_embedded"]["reservations"]
    assert len([each for each in reservations if each["bikeId"] == bike]) == 1


def test_while_payment_is_stopped_the_page_waits_and_reserves_when_it_is_back(
    visit: Visit, shop: Shop, staff: Staff
) -> None:
    buyer, bike = visit(), staff.bike()
    buyer.sign_up()
    buyer.review(bike)
    shop_command(shop, "stop", "payment")
    try:
        buyer.page.locator("main form button").first.click()
        buyer.sees_heading("지금은 예약할 수 없습니다", "Reserving is not possible right now")
        buyer.sees("아직 예약되지 않았고, 돈도 나가지 않았습니다", "Nothing is reserved")
        expect(buyer.page.get_by_role("timer")).to_be_visible()
    finally:
        shop_command(shop, "start", "payment")
    for _ in range(10):  # the page tries three times by itself; then the buyer presses
        if "/pay/" in buyer.path:
            break
        buyer.page.wait_for_timeout(2 * SECONDS)
        if buyer.page.get_by_role("timer").count() == 0 and "/pay/" not in buyer.path:
            buyer.press("지금 다시 시도", "Try again now")

    assert "/pay/" in buyer.path


def test_a_new_price_is_shown_before_anything_is_reserved(visit: Visit, staff: Staff) -> None:
    buyer, bike = visit(language="en"), staff.bike()
    buyer.sign_up()
    buyer.review(bike)
    staff.edit(bike, price=900_000)
    wait_for_catalogue(buyer, bike, "₩900,000")

    buyer.page.locator("main form button").first.click()

    buyer.sees_heading("가격이 바뀌었습니다", "The price has changed")
    buyer.sees("", "The price was ₩1,000,000 and is now ₩900,000")
    buyer.press("", "Reserve for ₩900,000")
    buyer.page.wait_for_url("**/pay/*")


def test_the_last_bike_is_reserved_by_the_first_of_two_tabs(visit: Visit, staff: Staff) -> None:
    first, second, bike = visit(language="en"), visit(language="en"), staff.bike(units=1)
    for buyer in (first, second):
        buyer.sign_up()
        buyer.review(bike)

    first.page.locator("main form button").first.click()
    first.page.wait_for_url("**/pay/*")
    second.page.locator("main form button").first.click()

    second.sees_heading("", "Sold out")
    second.sees("", "Nothing is reserved and nothing was charged")


def test_a_session_that_ends_in_between_loses_nothing(visit: Visit, staff: Staff) -> None:
    buyer, bike = visit(language="en"), staff.bike()
    buyer.sign_up()
    buyer.review(bike)
    review = buyer.path
    buyer.context.clear_cookies(name="roadbike-session")

    buyer.page.locator("main form button").first.click()
    assert buyer.path.startswith("/login")
    buyer.log_in_here()

    assert buyer.path == review
    buyer.sees("", "(03086) 서울특별시 종로구 대학로 00, 302호")


@pytest.mark.parametrize("is_paid", [False, True])
def test_a_purchase_is_cancelled_before_and_after_it_is_paid(
    visit: Visit, staff: Staff, is_paid: Any
) -> None:
    buyer, bike = visit(language="en"), staff.bike()
    buyer.sign_up()
    payment = buyer.reserve(bike)
    if is_paid:
        buyer.pay()
    else:
        buyer.go(payment)
        buyer.follow("", "Leave without paying")
    buyer.page.get_by_role("link", name="Cancel", exact=True).click(timeout=30 * SECONDS)
    buyer.sees("", "₩1,000,000 goes back" if is_paid else "Nothing was charged yet")

    buyer.press("", "Cancel the reservation")

    heading = "Cancelled and refunded" if is_paid else "Cancelled. Nothing was charged"
    expect(buyer.page.locator("h1")).to_have_text(heading, timeout=20 * SECONDS)


def test_after_the_bike_has_left_it_cannot_be_cancelled_here(visit: Visit, staff: Staff) -> None:
    buyer, bike = visit(language="en"), staff.bike()
    buyer.sign_up()
    buyer.reserve(bike)
    reservation_id = buyer.pay()
    heading = buyer.page.locator("h1")
    expect(heading).to_have_text("We are preparing your bike", timeout=20 * SECONDS)
    buyer.follow("", "Cancel")
    staff.move(reservation_id, "배송시작", carrier="한빛택배", trackingNo="1")

    buyer.press("", "Cancel the reservation")

    expect(buyer.page.get_by_role("alert")).to_be_visible()
    buyer.follow("", "Keep it")
    expect(heading).to_have_text("Your bike has left the shop", timeout=20 * SECONDS)
    buyer.sees("", "Ask the shop to take it back")
    buyer.go(f"/purchases/{reservation_id}/cancel")
    assert buyer.path == f"/purchases/{reservation_id}"


def test_the_timeline_goes_on_after_my_page_was_killed(
    visit: Visit, shop: Shop, staff: Staff
) -> None:
    buyer, bike = visit(language="en"), staff.bike()
    buyer.sign_up()
    buyer.reserve(bike)
    reservation_id = buyer.pay()
    heading = buyer.page.locator("h1")
    expect(heading).to_have_text("We are preparing your bike", timeout=20 * SECONDS)

    shop_command(shop, "kill", "mypage")
    staff.move(reservation_id, "배송시작", carrier="한빛택배", trackingNo="1")

    expect(heading).to_have_text("Your bike has left the shop", timeout=30 * SECONDS)


def shop_command(shop: Shop, *arguments: str) -> None:
    """Run a command on the shop; not with asyncio, whose loop the browser has taken."""
    subprocess.run(shop.command(*arguments), check=True, timeout=60)  # noqa: S603 our own command


def wait_for_catalogue(buyer: Visitor, bike: int, text: str) -> None:
    """Wait until another page of the buyer shows the text about the bike."""
    page = buyer.context.new_page()
    for _ in range(100):
        page.goto(f"{buyer.url}/bikes/{bike}")
        if text in page.content():
            break
        page.wait_for_timeout(100)
    page.close()
