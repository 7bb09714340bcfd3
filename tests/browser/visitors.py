"""A visitor of the shop: a browser without cookies, and what people do with it."""

import re
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, Self
from uuid import uuid4

from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.system.real_shop import Shop

Language = Literal["ko", "en"]

PASSWORD: Final = "a rare passphrase"
LOCALES: Final = {"ko": "ko-KR", "en": "en-US"}
ADDRESS: Final = {
    "name": "김하늘",
    "phone": "010-1234-5678",
    "zip_code": "03086",
    "address": "서울특별시 종로구 대학로 00, 302호",
}
SECONDS: Final = 1000  # playwright counts milliseconds
EXPECTED_STATUSES: Final = {401, 402, 403, 404, 409, 422, 429, 503}


@dataclass
class Visitor:
    """One browser. faults: what no page may do, collected while it is used."""

    context: BrowserContext
    page: Page
    url: str
    language: Language
    scripts: bool
    faults: list[str] = field(default_factory=list)
    user: str = ""

    @classmethod
    def open(
        cls,
        browser: Browser,
        shop: Shop,
        *,
        language: Language = "ko",
        scripts: bool = True,
        dark: bool = False,
        width: int = 1280,
    ) -> Self:
        context = browser.new_context(
            locale=LOCALES[language],
            java_script_enabled=scripts,
            color_scheme="dark" if dark else "light",
            viewport={"width": width, "height": 800},
        )
        context.set_default_timeout(20 * SECONDS)
        url = shop.address("gateway")
        visitor = cls(context, context.new_page(), url, language, scripts)
        visitor.watch(visitor.page)
        return visitor

    def watch(self, page: Page) -> None:
        page.on("request", lambda sent: self._note_foreign(sent.url))
        page.on("console", self._note_console)
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        page.on("dialog", lambda dialog: self.faults.append(f"dialog: {dialog.message}"))

    def _note_foreign(self, url: str) -> None:
        if not url.startswith((self.url, "about:", "data:")):
            self.faults.append(f"asked another host: {url}")

    def _note_console(self, message: Any) -> None:
        if message.type != "error":
            return
        status = re.search(r"status of (\d+)", message.text)  # of pages that refuse something
        if status is None or int(status[1]) not in EXPECTED_STATUSES:
            self.faults.append(f"console: {message.text}")

    def close(self) -> None:
        self.context.close()

    def t(self, ko: str, en: str) -> str:
        return ko if self.language == "ko" else en

    def go(self, path: str) -> None:
        self.page.goto(self.url + path)

    @property
    def path(self) -> str:
        return self.page.url.removeprefix(self.url)

    def press(self, ko: str, en: str) -> None:
        """Press the button with that name."""
        self.page.get_by_role("button", name=self.t(ko, en), exact=True).first.click()

    def follow(self, ko: str, en: str) -> None:
        """Follow the link with that name."""
        self.page.get_by_role("link", name=self.t(ko, en)).first.click()

    def sees_heading(self, ko: str, en: str) -> None:
        expect(self.page.locator("h1")).to_have_text(re.compile(re.escape(self.t(ko, en))))

    def sees(self, ko: str, en: str) -> None:
        expect(self.page.get_by_text(self.t(ko, en)).first).to_be_visible()

    def sign_up(self, user_name: str = "김하늘") -> None:
        """Sign up as a new user, from the page for it."""
        if "/signup" not in self.path:
            self.go("/signup")
        self.user = f"u{uuid4().hex[:10]}"
        self.page.get_by_label(self.t("아이디", "User id")).fill(self.user)
        self.page.get_by_label(self.t("이름", "Name"), exact=True).fill(user_name)
        self.page.get_by_label(self.t("비밀번호", "Password"), exact=True).fill(PASSWORD)
        self.press("가입하기", "Sign up")

    def log_in_here(self) -> None:
        """Log in again on the page for it, to which another page has led."""
        self.page.get_by_label(self.t("아이디", "User id")).fill(self.user)
        self.page.get_by_label(self.t("비밀번호", "Password"), exact=True).fill(PASSWORD)
        self.press("로그인", "Log in")

    def new_tab(self) -> "Visitor":
        """Return another tab of the same browser, with the same session."""
        tab = replace(self, page=self.context.new_page())
        tab.watch(tab.page)
        return tab

    def fill_address(self, **more: str) -> None:
        for name, value in (ADDRESS | more).items():
            self.page.locator(f"#{name}").fill(value)

    def review(self, bike_id: int) -> None:
        """Go to the review of a bike, logged in."""
        self.go(f"/bikes/{bike_id}")
        self.fill_address()
        self.press("예약 내용 확인하기", "Review and reserve")
        self.sees_heading("이대로 예약할까요?", "Reserve this bike?")

    def reserve(self, bike_id: int) -> str:
        """Reserve a bike, and return the path of its payment."""
        self.review(bike_id)
        self.page.locator("main form button").first.click()
        self.page.wait_for_url("**/pay/*")
        return self.path

    def pay(self) -> str:
        """Pay on the page of the provider, and return the id of the reservation."""
        self.page.locator("button[value=approve]").click()
        self.page.wait_for_url("**/purchases/*")
        return self.path.removeprefix("/purchases/")
