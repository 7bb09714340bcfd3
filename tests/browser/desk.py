"""A member of staff at a browser, and what they do there with the mouse."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from playwright.sync_api import Locator, expect

from tests.browser.conftest import Visit
from tests.browser.visitors import Visitor
from tests.system.real_shop import Shop

SECONDS: Final = 30.0


@dataclass
class Desk:
    """Staff's pages in one browser."""

    visitor: Visitor

    @classmethod
    def open(cls, visit: Visit, shop: Shop, *, user: str = "admin", **options: Any) -> "Desk":
        """Log in, from the page for it."""
        visitor: Visitor = visit(**options)
        visitor.go("/login")
        visitor.page.get_by_label(visitor.t("아이디", "User id")).fill(user)
        password = shop.shop_file["logins"][user]
        visitor.page.get_by_label(visitor.t("비밀번호", "Password"), exact=True).fill(password)
        visitor.press("로그인", "Log in")
        visitor.page.wait_for_url("**/staff/**")
        return cls(visitor)

    @property
    def main(self) -> Locator:
        return self.visitor.page.locator("main")

    def section(self, ko: str, en: str) -> None:
        """Follow a link of the menu."""
        menu = self.visitor.page.get_by_role(
            "navigation", name=self.visitor.t("직원 메뉴", "Staff menu")
        )
        menu.get_by_role("link", name=self.visitor.t(ko, en), exact=True).click()

    def group(self, ko: str, en: str) -> None:
        """Go to one of the three groups of the day's list."""
        self.section("배송", "Deliveries")
        self.main.get_by_role("link", name=self.visitor.t(ko, en)).first.click()

    def fill(self, **values: str) -> None:
        for name, value in values.items():
            self.visitor.page.locator(f"#{name}").fill(value)

    def row(self, text: str) -> Locator:
        """Return the row of a table that has the text."""
        return self.visitor.page.locator("tbody tr").filter(has_text=text)

    def parcel(self, number: str) -> Locator:
        """Return the parcel of the reservation with that number, in a group of the day's list."""
        return self.visitor.page.locator(".parcel").filter(has_text=number)

    def find(self, filters: Mapping[str, str], *, slow: bool = False) -> None:
        """Fill the filters of a list, and press Find."""
        for name, value in filters.items():
            field = self.visitor.page.locator(f"#f-{name}")
            if field.evaluate("each => each.tagName") == "SELECT":
                field.select_option(value)
            else:
                field.fill(value)
        if slow:
            self.visitor.page.locator("input[name=slow]").check()
        self.visitor.press("찾기", "Find")

    def sees(self, ko: str, en: str) -> None:
        expect(self.main).to_contain_text(self.visitor.t(ko, en))

    def reload_until(self, wanted: Locator) -> None:
        """Load the page again until it shows that: pages of staff do not change by themselves."""
        end = time.monotonic() + SECONDS
        while wanted.count() == 0:
            assert time.monotonic() < end, self.main.inner_text()
            self.visitor.page.reload()


def number_of(reservation_id: str) -> str:
    """Return the number that people read out."""
    digits = reservation_id.replace("-", "")[-8:].upper()
    return f"{digits[:4]}-{digits[4:]}"
