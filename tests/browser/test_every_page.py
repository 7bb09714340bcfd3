"""Every page: accessible, readable on a small phone, in both languages, light and dark."""

import time
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.browser import axe
from tests.browser.conftest import Visit
from tests.browser.staff import Staff
from tests.browser.visitors import Visitor
from tests.stock.bodies import GEOMETRY

SMALLEST: Final = 320  # CSS pixels
CLIMBER: Final = "새녘 너울 SL / Saenyeok Neoul SL"


def pages(buyer: Visitor, staff: Staff) -> dict[str, str]:
    """Make purchases in several states, and return the path of each page by a name."""
    buyer.go("/signup")
    buyer.sign_up()
    drawn = drawn_bike(staff)
    paid = buyer.reserve(drawn) and buyer.pay()
    unpaid = buyer.reserve(drawn)
    buyer.go(f"/bikes/{drawn}")
    buyer.fill_address()
    buyer.press("예약 내용 확인하기", "Review and reserve")
    review = buyer.path
    few, none = staff.bike(units=2), staff.bike(units=0)
    return {
        "home": "/",
        "home-filtered": "/?size=54&max=700&sort=price",
        "home-empty": "/?q=tandem",
        "bike": f"/bikes/{drawn}?other=56&height=175&inseam=80",
        "bike-few": f"/bikes/{few}",
        "bike-sold-out": f"/bikes/{none}",
        "review": review,
        "pay": unpaid,
        "purchases": "/purchases",
        "purchase": f"/purchases/{paid}",
        "cancel": f"/purchases/{paid}/cancel",
        "receipt": f"/purchases/{paid}/receipt",
        "account": "/account",
        "documentation": "/docs",
        "not-found": "/nothing/here",
    }


def drawn_bike(staff: Staff) -> int:
    """Put two sizes of a new model on sale, and return the number of the smaller one."""
    model = int(time.time())
    looks = {"bikeNm": CLIMBER, "brand": "새녘 / Saenyeok", "colour": "새벽빛 / Dawn Pink"}
    smaller, _ = (
        staff.bike(
            **looks,
            frameSize=size,
            geometry=GEOMETRY | {"model": model, "kind": "climb", "paint": "#e8a79c"} | measures,
        )
        for size, measures in (("54", {}), ("56", {"stack": 562, "reach": 394}))
    )
    staff.wait_for_text(f"/bikes/{smaller}", "562")
    return smaller


ANONYMOUS: Final = {"log-in": "/login?next=/purchases", "sign-up": "/signup"}


@pytest.mark.parametrize("language", ["ko", "en"])
def test_no_page_has_a_fault_that_axe_finds(visit: Visit, staff: Staff, language: Any) -> None:
    buyer, stranger = visit(language=language), visit(language=language)
    found = {}

    for visitor, paths in ((buyer, pages(buyer, staff)), (stranger, ANONYMOUS)):
        for name, path in paths.items():
            visitor.go(path)
            if faults := axe.faults(visitor.page, pictures(visitor, f"{name}-{language}")):
                found[name] = faults

    assert found == {}


def test_no_page_scrolls_sideways_on_the_smallest_phone(visit: Visit, staff: Staff) -> None:
    buyer, stranger = visit(width=SMALLEST), visit(width=SMALLEST)
    wide = {}

    for visitor, paths in ((buyer, pages(buyer, staff)), (stranger, ANONYMOUS)):
        for name, path in paths.items():
            visitor.go(path)
            width = visitor.page.evaluate("document.documentElement.scrollWidth")
            if width > SMALLEST:
                wide[name] = width
            axe.take_picture(visitor.page, f"{name}-phone")

    assert wide == {}


def pictures(visitor: Visitor, name: str) -> Callable[[str], None]:
    """Return what takes a picture of the page in a colour scheme."""
    return lambda scheme: axe.take_picture(visitor.page, f"{name}-{scheme}")
