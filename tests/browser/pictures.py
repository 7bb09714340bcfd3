"""Make the pictures of staff's pages in the READMEs: `python -m tests.browser.pictures`.

It opens a shop of its own, works in it as a buyer and as two of staff, and writes
docs/pictures/page-staff-*.png in both languages.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, sync_playwright

from tests.browser.browserless import Browserless
from tests.browser.desk import Desk
from tests.browser.staff import Staff
from tests.browser.visitors import Language, Visitor
from tests.system.real_shop import Shop, temporary_shop
from tools.browser import MISSING, found

PICTURES: Final = Path(__file__).parents[2] / "docs" / "pictures"
HEIGHT: Final = 760
SENT, FIRST, SECOND, EDITED = 312, 210, 110, 313  # bikes of the demo
GONE, WITHDRAWN = 220, 223
AT_THE_DESK: Final = {"userId": "haesol.park", "userNm": "박해솔", "role": "admin"}
PEOPLE: Final = (
    {"name": "박서준", "phone": "010-2345-6789", "zip_code": "13497"},
    {"name": "김하늘", "phone": "010-1234-5678", "zip_code": "03086"},
    {"name": "이도윤", "phone": "010-3456-7890", "zip_code": "48058"},
)
ADDRESSES: Final = (
    "경기도 성남시 분당구 야탑로 00",
    "서울특별시 종로구 대학로 00, 302호",
    "부산광역시 해운대구 센텀로 00, 1204호",
)


def main() -> int:
    """Write the pictures; return the exit code."""
    program = found()
    if program is None:
        sys.exit(MISSING)
    with temporary_shop() as shop:
        result = shop.up()
        if result.code:
            sys.exit(result.err)
        staff = Staff(shop)
        hire(shop, staff)
        sell(shop, staff)
        with sync_playwright() as playwright:
            arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
            browser = playwright.chromium.launch(executable_path=program, args=arguments)
            for language in ("ko", "en"):
                with desk_of(browser, shop, language) as desk:
                    show(desk, staff, language)
    return 0


def hire(shop: Shop, staff: Staff) -> None:
    """Open the account of who works at the desk, and let them choose a password."""
    made = staff.call("POST", "/accounts/staff", AT_THE_DESK)
    Browserless(shop.address("gateway")).start_as(made["userId"], made["oneTimePassword"])


def sell(shop: Shop, staff: Staff) -> None:
    """Sell three bikes to three people; one of them is on its way."""
    for number, (person, address) in enumerate(zip(PEOPLE, ADDRESSES, strict=True)):
        buyer = Browserless(shop.address("gateway"))
        buyer.sign_up(f"buyer-{number}")
        bike = (SENT, FIRST, SECOND)[number]
        reservation_id = buyer.buy(bike, person | {"address": address})
        staff.until_allocated(reservation_id)
        if bike == SENT:
            staff.move(reservation_id, "배송시작", carrier="한진택배", trackingNo="4211-0001")
    staff.edit(GONE, stockQty=0)
    staff.edit(WITHDRAWN, onSale=False)


@contextmanager
def desk_of(browser: Browser, shop: Shop, language: Language) -> Iterator[Desk]:
    """Return the pages of who works at the desk, in that language."""
    visitor = Visitor.open(browser, shop, language=language)
    visitor.page.set_viewport_size({"width": 1280, "height": HEIGHT})
    visitor.go("/login")
    visitor.user = AT_THE_DESK["userId"]
    visitor.log_in_here()
    visitor.page.wait_for_url("**/staff/**")
    yield Desk(visitor)
    visitor.close()


def show(desk: Desk, staff: Staff, language: Language) -> None:
    """Show each page as it is in the middle of a day, and take its picture."""
    desk.group("보낼 것", "To send")
    carrier = desk.visitor.page.locator("input[name=carrier]").first
    carrier.fill("한진택배")
    desk.visitor.page.locator("input[name=trackingNo]").first.fill("4211-0002")
    take(desk, "deliveries", language)
    desk.visitor.go("/staff/stock?low=true&withdrawn=true")
    take(desk, "stock", language)
    desk.visitor.go(f"/staff/stock/{EDITED}")
    now = staff.call("GET", f"/stocks/{EDITED}")
    staff.edit(EDITED, price=now["price"] - 150_000, stockQty=now["stockQty"] + 1)
    desk.fill(price=str(now["price"] - 200_000), colour="주홍색 / Vermilion, matt")
    desk.visitor.press("저장", "Save")
    desk.visitor.sees_heading("다른 직원이 먼저 바꿨습니다", "A colleague changed it first")
    take(desk, "conflict", language)


def take(desk: Desk, name: str, language: Language) -> None:
    path = PICTURES / f"page-staff-{name}-{language}.png"
    desk.visitor.page.screenshot(path=path)
    sys.stdout.write(f"written: {path.relative_to(PICTURES.parents[1])}\n")


if __name__ == "__main__":
    sys.exit(main())
