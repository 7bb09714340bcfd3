"""A day of the staff with the mouse alone: put on sale, send, take back, cancel, look it up.

It plays F1 and the part of staff in F4 to F7 of the README.
"""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.desk import Desk, number_of
from tests.browser.staff import NUMBERS, Staff
from tests.browser.visitors import Language, Visitor
from tests.system.real_shop import Shop

REASON = "고객 전화 요청"
NEW_ADDRESS = "경기도 성남시 분당구 야탑로 00, 7층"


def bought(visit: Visit, bike: int, language: Language) -> tuple[Visitor, str]:
    buyer: Visitor = visit(language=language)
    buyer.sign_up()
    buyer.reserve(bike)
    return buyer, buyer.pay()


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_whole_day_is_worked_with_the_mouse(
    visit: Visit, shop: Shop, staff: Staff, language: Language
) -> None:
    desk = Desk.open(visit, shop, language=language)
    bike = put_on_sale(desk, staff)
    buyer, sent = bought(visit, bike, language)
    other, unsent = bought(visit, bike, language)

    correct_the_address(desk, sent)
    send_and_complete(desk, sent)
    buyer.page.reload()
    expect(buyer.page.locator("main")).to_contain_text(buyer.t("배송완료", "Arrived"))
    take_back(desk, sent)
    cancel(desk, unsent, bike)

    look_up_money(desk, buyer.user, other.user, bike)
    look_up_parcels(desk, sent, unsent, bike)
    look_up_the_log(desk, unsent)
    withdraw_and_put_back(desk, bike)


def put_on_sale(desk: Desk, staff: Staff) -> int:
    """F1: add a bike, and change its price."""
    desk.section("재고", "Stock")
    desk.visitor.follow("자전거 추가", "Add a bike")
    number = next(NUMBERS)
    desk.fill(bikeId=str(number), bikeNm="하루 / One Day", frameSize="54")
    desk.fill(price="2,000,000", stockQty="2")
    desk.visitor.press("추가", "Add")
    desk.sees("자전거를 추가했습니다", "The bike was added")
    desk.row(str(number)).get_by_role("link", name=desk.visitor.t("수정", "Edit")).click()
    desk.fill(price="1900000", description="새 자전거\n두 줄")
    desk.visitor.press("저장", "Save")
    desk.sees("저장했습니다", "Saved")
    expect(desk.row(str(number))).to_contain_text("₩1,900,000")
    staff.wait_for_text(f"/bikes/{number}", "1,900,000")
    return number


def correct_the_address(desk: Desk, reservation_id: str) -> None:
    """F4: a buyer has called: the parcel goes to another address."""
    parcel = desk.parcel(number_of(reservation_id))
    desk.group("보낼 것", "To send")
    link = parcel.get_by_role("link", name=desk.visitor.t("주소 고치기", "Correct the address"))
    desk.reload_until(link)
    link.click()
    desk.fill(address=NEW_ADDRESS)
    desk.visitor.press("저장", "Save")
    desk.sees("저장했습니다", "Saved")
    expect(parcel).to_contain_text(NEW_ADDRESS)


def send_and_complete(desk: Desk, reservation_id: str) -> None:
    """F4: a parcel without a tracking number is not sent; with one it is, and arrives."""
    number = number_of(reservation_id)
    desk.group("보낼 것", "To send")
    parcel = desk.parcel(number)
    start = parcel.get_by_role("button", name=desk.visitor.t("배송 시작", "Start delivery"))
    desk.reload_until(start)
    expect(parcel).to_contain_text(desk.visitor.t("영업일", "working days"))
    parcel.locator("input[name=carrier]").fill("한진택배")
    parcel.locator("input[name=trackingNo]").fill("4211-0001")
    start.click()
    desk.sees("배송을 시작했습니다", "The delivery has started")
    desk.group("가는 중", "On the way")
    expect(parcel).to_contain_text("4211-0001")
    parcel.get_by_role("button", name=desk.visitor.t("배송 완료", "Delivered")).click()
    desk.sees("배송을 완료했습니다", "The delivery is completed")


def take_back(desk: Desk, reservation_id: str) -> None:
    """F7: a bike that has arrived is recalled, comes back, and is refunded."""
    number = number_of(reservation_id)
    desk.section("배송", "Deliveries")
    desk.visitor.follow("모든 배송 찾기", "Find any delivery")
    desk.find({"deliveryStatus": "배송완료"})
    desk.row(number).get_by_role("link", name=desk.visitor.t("회수", "Recall")).click()
    parcel = desk.parcel(number).first
    parcel.locator("summary").click()
    parcel.get_by_role("button", name=desk.visitor.t("회수 시작", "Start the recall")).click()
    desk.sees("회수를 시작했습니다", "The recall has started")
    desk.group("돌아오는 중", "Coming back")
    button = desk.visitor.t("회수 완료", "Received back")
    desk.parcel(number).get_by_role("button", name=button).click()
    desk.sees("환불을 시작했습니다", "The refund has started")


def cancel(desk: Desk, reservation_id: str, bike: int) -> None:
    """F5: a purchase is cancelled for its buyer, with a reason, and what follows is said first."""
    number = number_of(reservation_id)
    desk.section("예약", "Reservations")
    desk.find({"bikeId": str(bike), "reserveStatus": "예약완료"})
    desk.row(number).get_by_role("link", name=desk.visitor.t("취소", "Cancel")).last.click()
    desk.sees(
        "₩1,900,000을 결제한 수단으로 바로 돌려줍니다", "₩1,900,000 goes back the way it came"
    )
    desk.fill(reason=REASON)
    desk.visitor.press("예약 취소", "Cancel the reservation")
    desk.sees("구매자 대신 취소했습니다", "Cancelled for the buyer")
    expect(desk.row(number)).to_contain_text(desk.visitor.t("예약취소", "Cancelled"))


def look_up_money(desk: Desk, buyer: str, other: str, bike: int) -> None:
    """Both purchases were refunded: the lists of payments and refunds say so."""
    desk.section("결제", "Payments")
    desk.visitor.page.locator("main .chips").get_by_role("link").last.click()
    for user in (buyer, other):
        desk.find({"bikeId": str(bike), "userId": user, "payStatus": "결제취소"})
        desk.reload_until(desk.row("₩1,900,000"))
    desk.find({"bikeId": str(bike), "userId": "", "payStatus": ""})
    assert desk.row("₩1,900,000").count() == 2
    desk.find({}, slow=True)
    desk.sees("조건에 맞는 것이 없습니다", "Nothing fits these filters")


def look_up_parcels(desk: Desk, returned: str, cancelled: str, bike: int) -> None:
    """F7: no parcel of a refunded purchase is left to be sent."""
    desk.section("배송", "Deliveries")
    desk.visitor.follow("모든 배송 찾기", "Find any delivery")
    for reservation_id, status in ((cancelled, "배송취소"), (returned, "회수완료")):
        desk.find({"bikeId": str(bike), "deliveryStatus": status})
        desk.reload_until(desk.row(number_of(reservation_id)))
        assert desk.row("").count() == 1


def look_up_the_log(desk: Desk, cancelled: str) -> None:
    """The log has who cancelled, what that changed, and the reason."""
    desk.section("기록", "Log")
    desk.find({"by": "admin", "thing": cancelled})
    change = desk.row(number_of(cancelled))
    for text in ("admin", desk.visitor.t("예약취소", "Cancelled"), REASON):
        expect(change).to_contain_text(text)


def withdraw_and_put_back(desk: Desk, bike: int) -> None:
    """F1: a bike is withdrawn, and put back on sale."""
    desk.section("재고", "Stock")
    for asks, does, done in (
        (("판매 중단하기…", "Withdraw from sale…"), ("판매 중단", "Withdraw from sale"), "off"),
        (("다시 판매하기…", "Put back on sale…"), ("다시 판매", "Put back on sale"), "on"),
    ):
        desk.visitor.page.locator("#q").fill(str(bike))
        desk.visitor.page.locator("input[name=withdrawn]").check()
        desk.visitor.press("찾기", "Find")
        desk.row(str(bike)).get_by_role("link", name=desk.visitor.t("수정", "Edit")).click()
        desk.visitor.follow(*asks)
        desk.visitor.press(*does)
        assert desk.visitor.path.endswith(f"done={done}")
        expect(desk.visitor.page.get_by_role("status")).to_be_visible()
