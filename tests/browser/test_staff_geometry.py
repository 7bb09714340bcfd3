"""An admin gives a bike its geometry, changes it, and meets a colleague who did so too."""

import re
from typing import Final

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.desk import Desk
from tests.browser.staff import Staff
from tests.browser.visitors import Language
from tests.system.real_shop import Shop

MEASURES: Final = {
    "geo-model": "901",
    "geo-paint": "#AA3311",
    "geo-accent": "#ffffff",
    "geo-stack": "541",
    "geo-reach": "384.5",
    "geo-headTube": "135",
    "geo-seatTube": "500",
    "geo-headAngle": "73",
    "geo-seatAngle": "74",
    "geo-chainstay": "410",
    "geo-bbDrop": "70",
    "geo-forkOffset": "45",
}


@pytest.mark.parametrize("language", ["ko", "en"])
def test_a_geometry_is_added_corrected_and_shown_by_the_shop(
    visit: Visit, shop: Shop, staff: Staff, language: Language
) -> None:
    bike = staff.bike()
    desk = Desk.open(visit, shop, language=language)
    page = desk.visitor.page

    desk.visitor.go(f"/staff/stock/{bike}")
    page.locator("summary").filter(has_text=desk.visitor.t("지오메트리", "Geometry")).click()
    desk.fill(**MEASURES | {"geo-stack": "5"})
    page.locator("#geo-kind").select_option("aero")
    desk.visitor.press("저장", "Save")
    expect(page.locator("#geo-stack")).to_have_attribute("aria-invalid", "true")
    assert page.locator("#geo-reach").input_value() == "384.5"
    desk.fill(**{"geo-stack": "541"})
    desk.visitor.press("저장", "Save")
    desk.sees("저장했습니다", "Saved")
    saved = staff.call("GET", f"/stocks/{bike}")["geometry"]
    assert (saved["stack"], saved["reach"], saved["paint"]) == (541, 384.5, "#aa3311")
    staff.wait_for_text(f"/bikes/{bike}", "541")

    desk.visitor.go(f"/staff/stock/{bike}")
    staff.edit(bike, geometry=saved | {"reach": 390})
    desk.fill(**{"geo-stack": "555", "price": "1200000"})
    desk.visitor.press("저장", "Save")
    desk.visitor.sees_heading("다른 직원이 먼저 바꿨습니다", "A colleague changed it first")
    expect(desk.main).to_contain_text(re.compile("390"))
    desk.visitor.press("고른 값으로 저장", "Save the chosen values")
    desk.sees("저장했습니다", "Saved")

    merged = staff.call("GET", f"/stocks/{bike}")
    assert (merged["geometry"]["stack"], merged["geometry"]["reach"]) == (555, 390)
    assert merged["price"] == 1_200_000


def test_without_any_measure_the_geometry_is_removed(
    visit: Visit, shop: Shop, staff: Staff
) -> None:
    geometry = {name.removeprefix("geo-"): value for name, value in MEASURES.items()}
    numbers = {name: value for name, value in geometry.items() if not value.startswith("#")}
    geometry |= {name: float(value) for name, value in numbers.items()} | {"kind": "city"}
    geometry |= {"model": 901, "paint": "#aa3311"}
    bike = staff.bike(geometry=geometry)
    desk = Desk.open(visit, shop, language="en")

    desk.visitor.go(f"/staff/stock/{bike}")
    assert desk.visitor.page.locator("#geo-reach").input_value() == "384.5"
    desk.fill(**dict.fromkeys(MEASURES, ""))
    desk.visitor.page.locator("#geo-kind").select_option("")
    desk.visitor.press("Save", "Save")

    desk.sees("Saved", "Saved")
    assert staff.call("GET", f"/stocks/{bike}")["geometry"] is None
