"""Back, reload and several tabs: a purchase stays one purchase, and its money is taken once."""

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.staff import Staff
from tests.browser.visitors import SECONDS, Visitor

PREPARING = "We are preparing your bike"


def reservations_of(staff: Staff, bike: int) -> int:
    found = staff.call("GET", "/reservations?size=100")["_embedded"]["reservations"]
    return sum(each["bikeId"] == bike for each in found)


def times_paid(buyer: Visitor) -> int:
    """Return how often the money was taken, by the timeline of the purchase."""
    expect(buyer.page.locator("h1")).to_have_text(PREPARING, timeout=20 * SECONDS)
    return buyer.page.locator("#steps li[data-id^=PaymentApproved]").count()


def test_who_goes_back_from_the_payment_reserves_the_same_again(visit: Visit, staff: Staff) -> None:
    buyer, bike = visit(language="en"), staff.bike()
    buyer.sign_up()
    payment = buyer.reserve(bike)

    buyer.page.go_back()
    buyer.sees_heading("", "Reserve this bike?")
    buyer.page.locator("main form button").first.click()
    buyer.page.wait_for_url("**/pay/*")

    assert buyer.path == payment
    assert reservations_of(staff, bike) == 1


def test_who_goes_back_from_the_purchase_does_not_pay_again(visit: Visit, staff: Staff) -> None:
    buyer, bike = visit(language="en"), staff.bike()
    buyer.sign_up()
    buyer.reserve(bike)
    reservation_id = buyer.pay()

    buyer.page.go_back()  # to the payment, which leads on to the purchase
    buyer.page.wait_for_url(f"**/purchases/{reservation_id}")

    assert times_paid(buyer) == 1


def test_a_declined_payment_that_is_loaded_again_can_still_be_paid_once(
    visit: Visit, staff: Staff
) -> None:
    buyer, bike = visit(language="en"), staff.bike()
    buyer.sign_up()
    buyer.reserve(bike)
    buyer.page.locator("summary").click()
    buyer.page.locator("button[value=decline]").click()
    expect(buyer.page.get_by_role("alert")).to_be_visible()

    buyer.page.reload()  # sends the form again
    expect(buyer.page.get_by_role("alert")).to_be_visible()
    buyer.pay()
    buyer.page.reload()

    assert times_paid(buyer) == 1
    assert reservations_of(staff, bike) == 1


def test_two_tabs_with_one_order_reserve_and_pay_once(visit: Visit, staff: Staff) -> None:
    buyer, bike = visit(language="en"), staff.bike()
    buyer.sign_up()
    buyer.review(bike)
    review = buyer.path
    second = buyer.new_tab()
    second.go(review)

    for tab in (buyer, second):
        tab.page.locator("main form button").first.click()
        tab.page.wait_for_url("**/pay/*")
    assert second.path == buyer.path
    assert second.pay() == buyer.pay()

    assert times_paid(buyer) == 1
    assert reservations_of(staff, bike) == 1


def test_who_logs_out_in_another_tab_logs_in_and_goes_on(visit: Visit, staff: Staff) -> None:
    buyer, bike = visit(language="en"), staff.bike()
    buyer.sign_up()
    buyer.review(bike)
    review = buyer.path
    second = buyer.new_tab()
    second.go("/account")
    second.press("", "Log out")
    second.page.wait_for_url(f"{buyer.url}/")

    buyer.page.locator("main form button").first.click()
    buyer.page.wait_for_url("**/login*")
    buyer.log_in_here()

    assert buyer.path == review
    assert reservations_of(staff, bike) == 0
