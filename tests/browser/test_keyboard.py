"""A whole purchase with the keyboard alone; what has the focus can be seen."""

import re
from typing import Final

from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.visitors import ADDRESS, PASSWORD, SECONDS, Visitor

MOST_TABS: Final = 80
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
