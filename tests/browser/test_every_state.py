"""Every state of the pages, rendered without a shop: accessible, and readable on a small phone."""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route

from roadbike.storefront.rendering import STATIC, static_file
from roadbike.storefront.web import HTML, POLICY
from tests.browser import axe, staff_states, states
from tests.browser.test_every_page import SMALLEST

RELOAD: Final = b'data-reload="2"'
ALIKE: Final = {  # to axe: the page of a purchase with other words
    *("purchase-confirming", "purchase-holding", "purchase-preparing", "purchase-received"),
    *("purchase-recalling", "purchase-refunding", "purchase-never-paid"),
}
ORIGIN: Final = "http://pages.invalid"


@pytest.mark.parametrize("language", ["ko", "en"])
def test_no_state_of_a_page_has_a_fault(browser: Browser, language: Any) -> None:
    pages = dict([*states.pages(language), *staff_states.pages(language)])
    page = browser.new_page(viewport={"width": SMALLEST, "height": 700})
    page.route("**/*", lambda route: _serve(route, pages))
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    found: dict[object, object] = {}

    for name in pages:
        page.set_viewport_size({"width": SMALLEST, "height": 700})
        page.goto(f"{ORIGIN}/{name}")
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > SMALLEST:
            found[name, "too wide"] = width
        if language == "ko":
            axe.take_picture(page, f"states/{name}-phone")
        if name in ALIKE:
            continue
        page.set_viewport_size({"width": 1280, "height": 800})
        if faults := axe.faults(page, _pictures(page, name) if language == "ko" else _no_picture):
            found[name] = faults
    page.close()

    assert found == {}
    assert [text for text in said if "Content Security Policy" in text] == []


def _serve(route: Route, pages: dict[str, bytes]) -> None:
    """Answer as the storefront does; streams of events are not there."""
    path = urlsplit(route.request.url).path.removeprefix("/")
    if path in pages:
        headers = {"Content-Type": HTML, "Content-Security-Policy": POLICY}
        lasting = pages[path].replace(RELOAD, b'data-reload="3600"')  # while axe looks at it
        route.fulfill(body=lasting, headers=headers)
    elif (name := path.removeprefix("static/")) in STATIC:
        route.fulfill(body=static_file(name), content_type=STATIC[name])
    else:
        route.fulfill(status=404)


def _pictures(page: Page, name: str) -> Callable[[str], None]:
    return lambda scheme: axe.take_picture(page, f"states/{name}-{scheme}")


def _no_picture(_scheme: str) -> None:
    """Pictures of one language are enough."""
