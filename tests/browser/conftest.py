"""A browser, and one open shop for all tests of the pages."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.browser.staff import Staff
from tests.browser.visitors import Visitor
from tests.system.real_shop import Shop, temporary_shop
from tools.browser import MISSING, found

Visit = Callable[..., Visitor]


def chromium() -> str:
    """Return the program. Fails when there is none."""
    program = found()
    if program is None or not Path(program).exists():
        pytest.fail(MISSING)
    return program


@pytest.fixture(scope="package")
def shop() -> Iterator[Shop]:
    with temporary_shop() as shop:
        result = shop.up()
        assert result.code == 0, result
        yield shop


@pytest.fixture(scope="package")
def staff(shop: Shop) -> Staff:
    return Staff(shop)


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """One for all tests of the folder. While it runs, this thread can run no other event loop."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    # as root Chromium runs only without its sandbox; it opens our own pages only
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    browser = playwright.chromium.launch(executable_path=chromium(), args=arguments)
    yield browser
    browser.close()


@pytest.fixture
def visit(shop: Shop, browser: Browser) -> Iterator[Visit]:
    """`visit(language="en", scripts=False, dark=True, width=360)`: a browser with no cookies.

    At the end of the test no page may have asked another host, written an error to the console or
    broken the content security policy.
    """
    visitors: list[Visitor] = []

    def visit(**options: Any) -> Visitor:
        visitor = Visitor.open(browser, shop, **options)
        visitors.append(visitor)
        return visitor

    yield visit
    for visitor in visitors:
        visitor.close()
    assert [fault for visitor in visitors for fault in visitor.faults] == []
