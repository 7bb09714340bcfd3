"""The forms of the pages, sent without a browser: with any headers, and quickly."""

import re

import httpx

from tests.browser.visitors import ADDRESS, PASSWORD


class Browserless:
    """A client that sends the forms of a browser that is logged in, with headers of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, headers={"Accept-Language": "en"})
        self.own = {"Origin": url, "Sec-Fetch-Site": "same-origin"}

    def sign_up(self, user: str) -> None:
        fields = {"userId": user, "userNm": user, "password": PASSWORD}
        answer = self.http.post("/signup", data=fields, headers=self.own)
        assert answer.status_code == 303, answer.text

    @property
    def session(self) -> str:
        return str(self.http.cookies["roadbike-session"])

    def csrf(self) -> str:
        found = re.search(r'name="csrf" value="(\w+)"', self.http.get("/account").text)
        assert found is not None
        return found[1]

    def post(self, path: str, fields: dict[str, str], **headers: str) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post(path, data=fields, headers=sent)

    def is_logged_in(self) -> bool:
        return self.http.get("/account").status_code == 200

    def reserve(self, bike_id: int) -> str:
        """Reserve a bike, and return the id of the reservation."""
        kept = self.own_post(f"/bikes/{bike_id}", ADDRESS)
        paying = self.own_post(kept.headers["location"], {})
        page = self.http.get(paying.headers["location"]).text
        found = re.search(r'href="/purchases/([0-9a-f-]{36})"', page)
        assert found is not None, page
        return found[1]

    def own_post(self, path: str, fields: dict[str, str]) -> httpx.Response:
        """Send a form as a page of ours sends it."""
        return self.http.post(path, data=fields | {"csrf": self.csrf()}, headers=self.own)
