"""Every state of the pages, rendered without a shop: accessible, and readable on a small phone."""

import re
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route

from roadbike.storefront.rendering import STATIC, static_file
from roadbike.storefront.web import HTML, POLICY
from tests.browser import states
from tests.browser.test_every_page import PICTURES, SCHEMES, SMALLEST

REFRESH: Final = re.compile(rb'content="[0-9]+"')
ORIGIN: Final = "http://pages.invalid"


@pytest.mark.parametrize("language", ["ko", "en"])
def test_no_state_of_a_page_has_a_fault(browser: Browser, language: Any) -> None:
    pages = dict(states.pages(language))
    page = browser.new_page(viewport={"width": SMALLEST, "height": 700})
    page.route("**/*", lambda route: _serve(route, pages))
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    found: dict[tuple[str, str], object] = {}

    for name in pages:
        page.set_viewport_size({"width": SMALLEST, "height": 700})
        page.goto(f"{ORIGIN}/{name}")
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > SMALLEST:
            found[name, "too wide"] = width
        _take_picture(page, f"{name}-{language}-phone")
        page.set_viewport_size({"width": 1280, "height": 800})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type] literals
            faults = Axe().run(page)
            if faults.violations_count:
                found[name, scheme] = faults.generate_report()
            _take_picture(page, f"{name}-{language}-{scheme}")

    assert found == {}
    assert [text for text in said if "Content Security Policy" in text] == []


def _serve(route: Route, pages: dict[str, bytes]) -> None:
    """Answer as the storefront does; streams of events are not there."""
    path = urlsplit(route.request.url).path.removeprefix("/")
    if path in pages:
        headers = {"Content-Type": HTML, "Content-Security-Policy": POLICY}
        lasting = REFRESH.sub(b'content="3600"', pages[path])  # while axe looks at it
        route.fulfill(body=lasting, headers=headers)
    elif (name := path.removeprefix("static/")) in STATIC:
        route.fulfill(body=static_file(name), content_type=STATIC[name])
    else:
        route.fulfill(status=404)


def _take_picture(page: Page, name: str) -> None:
    folder = PICTURES / "states"
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png", full_page=True)
