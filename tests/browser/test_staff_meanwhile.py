"""What a colleague or a buyer does meanwhile: nothing is overwritten, and no input is lost."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.desk import Desk, number_of
from tests.browser.staff import Staff
from tests.browser.visitors import ADDRESS, Language, Visitor
from tests.system.real_shop import Shop


def bought(visit: Visit, staff: Staff, language: Language) -> tuple[Visitor, str, int]:
    bike = staff.bike()
    buyer: Visitor = visit(language=language)
    buyer.sign_up()
    buyer.reserve(bike)
    return buyer, buyer.pay(), bike


@pytest.mark.parametrize("language", ["ko", "en"])
def test_two_browsers_edit_a_bike_and_the_second_one_chooses(
    visit: Visit, shop: Shop, staff: Staff, language: Language
) -> None:
    bike = staff.bike(price=6_400_000, description="바람을 가르는 에어로 로드.")
    first, second = (Desk.open(visit, shop, language=language) for _ in range(2))
    for desk in (first, second):
        desk.visitor.go(f"/staff/stock/{bike}")
    first.fill(price="6250000", description="10월 행사.")
    first.visitor.press("저장", "Save")
    second.fill(stockQty="6", description="62 mm 휠.")
    second.visitor.press("저장", "Save")

    second.visitor.sees_heading("다른 직원이 먼저 바꿨습니다", "A colleague changed it first")
    page = second.visitor.page
    expect(page.locator("fieldset")).to_have_count(3)
    expect(page.locator("[name='pick.price'][value=theirs]")).to_be_checked()
    expect(page.locator("[name='pick.stockQty'][value=mine]")).to_be_checked()
    expect(page.locator("[name='pick.description'][value=theirs]")).to_be_checked()
    expect(second.main).to_contain_text("₩6,250,000")
    assert staff.call("GET", f"/stocks/{bike}")["stockQty"] == 5

    page.locator("[name='pick.description'][value=mine]").check()
    first.visitor.go(f"/staff/stock/{bike}")
    first.fill(colour="주홍색")
    first.visitor.press("저장", "Save")
    second.visitor.press("고른 값으로 저장", "Save the chosen values")
    second.visitor.sees_heading("다른 직원이 먼저 바꿨습니다", "A colleague changed it first")
    second.visitor.press("고른 값으로 저장", "Save the chosen values")
    second.sees("저장했습니다", "Saved")

    saved = staff.call("GET", f"/stocks/{bike}")
    assert (saved["price"], saved["stockQty"]) == (6_250_000, 6)
    assert (saved["description"], saved["colour"]) == ("62 mm 휠.", "주홍색")


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_bike_that_was_changed_meanwhile_is_not_withdrawn_unseen(
    visit: Visit, shop: Shop, staff: Staff, language: Language
) -> None:
    bike = staff.bike()
    desk = Desk.open(visit, shop, language=language)
    desk.visitor.go(f"/staff/stock/{bike}/sale")
    staff.edit(bike, price=777_000)

    desk.visitor.press("판매 중단", "Withdraw from sale")

    desk.sees("다른 직원이 이 자전거를 바꿨습니다", "A colleague changed this bike")
    desk.sees("₩777,000", "₩777,000")
    desk.visitor.press("판매 중단", "Withdraw from sale")
    desk.sees("판매를 중단했습니다", "The bike was withdrawn from sale")


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_parcel_that_was_cancelled_meanwhile_shows_its_state_and_keeps_the_label(
    visit: Visit, shop: Shop, staff: Staff, language: Language
) -> None:
    buyer, reservation_id, _ = bought(visit, staff, language)
    desk, number = Desk.open(visit, shop, language=language), number_of(reservation_id)
    desk.group("보낼 것", "To send")
    start = desk.parcel(number).get_by_role("button", name=re.compile("배송 시작|Start delivery"))
    desk.reload_until(start)
    desk.parcel(number).locator("input[name=carrier]").fill("우체국택배")
    desk.parcel(number).locator("input[name=trackingNo]").fill("6012-3345")
    buyer.go(f"/purchases/{reservation_id}/cancel")
    buyer.press("예약 취소", "Cancel the reservation")
    buyer.page.wait_for_url(f"**/purchases/{reservation_id}")
    staff.until_delivery(reservation_id, "배송취소")

    start.click()

    expect(desk.visitor.page.get_by_role("alert")).to_contain_text("6012-3345")
    expect(desk.main.locator(".box")).to_contain_text(desk.visitor.t("배송취소", "Cancelled"))
    expect(desk.main.locator(".box").get_by_role("button")).to_have_count(0)


@pytest.mark.parametrize("language", ["ko", "en"])
def test_an_address_that_was_changed_meanwhile_is_shown_beside_what_was_typed(
    visit: Visit, shop: Shop, staff: Staff, language: Language
) -> None:
    buyer, reservation_id, _ = bought(visit, staff, language)
    desk, number = Desk.open(visit, shop, language=language), number_of(reservation_id)
    desk.group("보낼 것", "To send")
    link = desk.parcel(number).get_by_role(
        "link", name=re.compile("주소 고치기|Correct the address")
    )
    desk.reload_until(link)
    link.click()
    desk.fill(address="성남시 분당구 야탑로 9")
    staff.correct(reservation_id, addrNm="서울 종로구 새 주소 1")

    desk.visitor.press("저장", "Save")
    desk.sees("그사이 바뀌었습니다", "It was changed meanwhile")
    desk.sees("서울 종로구 새 주소 1", "서울 종로구 새 주소 1")
    expect(desk.visitor.page.locator("#address")).to_have_value("성남시 분당구 야탑로 9")
    desk.visitor.press("저장", "Save")

    desk.sees("저장했습니다", "Saved")
    expect(desk.parcel(number)).to_contain_text("성남시 분당구 야탑로 9")
    assert buyer.user


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_bike_that_has_left_meanwhile_is_not_cancelled_and_the_reason_is_kept(
    visit: Visit, shop: Shop, staff: Staff, language: Language
) -> None:
    _, reservation_id, _ = bought(visit, staff, language)
    desk = Desk.open(visit, shop, language=language)
    desk.visitor.go(f"/staff/reservations/{reservation_id}/cancel")
    staff.until_allocated(reservation_id)
    staff.move(reservation_id, "배송시작", carrier="한진택배", trackingNo="1")
    staff.until_shipped(reservation_id)
    desk.fill(reason="재고 오류")

    desk.visitor.press("예약 취소", "Cancel the reservation")

    desk.sees("취소되지 않았습니다", "It was not cancelled")
    desk.visitor.go(f"/staff/reservations/{reservation_id}/cancel")
    desk.sees("회수를 시작해 주세요", "Start a recall in the deliveries")


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_cancel_needs_a_reason_and_an_address_needs_its_parts(
    visit: Visit, shop: Shop, staff: Staff, language: Language
) -> None:
    _, reservation_id, _ = bought(visit, staff, language)
    desk = Desk.open(visit, shop, language=language, scripts=False)
    desk.visitor.go(f"/purchases/{reservation_id}/cancel")
    assert desk.visitor.path == f"/staff/reservations/{reservation_id}/cancel"
    desk.visitor.page.locator("#reason").evaluate("each => each.required = false")
    desk.visitor.press("예약 취소", "Cancel the reservation")
    desk.sees("취소하는 이유를 적어 주세요", "Please give the reason")

    staff.until_allocated(reservation_id)
    desk.group("보낼 것", "To send")
    desk.parcel(number_of(reservation_id)).get_by_role("link").first.click()
    desk.fill(**{**ADDRESS, "zip_code": "1"})
    desk.visitor.press("저장", "Save")
    desk.sees("우편번호는 숫자 5자리여야 합니다", "The postcode has to have five digits")
    expect(desk.visitor.page.locator("#name")).to_have_value(ADDRESS["name"])
