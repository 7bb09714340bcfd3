"""The forms of the pages, sent without a browser: with any headers, and quickly."""

import re
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import httpx

from tests.browser.visitors import ADDRESS, PASSWORD

MOST_TRIES: Final = 10
FOLLOWS_SECONDS: Final = 30  # my page follows by events


class Browserless:
    """A client that sends the forms of a browser that is logged in, with headers of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, headers={"Accept-Language": "en"})
        self._payments: dict[str, str] = {}  # by reservation
        self.own = {"Origin": url, "Sec-Fetch-Site": "same-origin"}

    def sign_up(self, user: str) -> None:
        fields = {"userId": user, "userNm": user, "password": PASSWORD}
        answer = self.http.post("/signup", data=fields, headers=self.own)
        assert answer.status_code == 303, answer.text

    def log_in(self, user: str, password: str) -> None:
        fields = {"userId": user, "password": password}
        answer = self.http.post("/login", data=fields, headers=self.own)
        assert answer.status_code == 303, answer.text

    def start_as(self, user: str, one_time: str) -> None:
        """Log in for the first time, and choose a password."""
        fields = {"userId": user, "password": one_time, "newPassword": PASSWORD}
        answer = self.http.post("/login", data=fields, headers=self.own)
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

    def reserve(self, bike_id: int, to: Mapping[str, str] = ADDRESS) -> str:
        """Reserve a bike, and return the id of the reservation."""
        kept = self.own_post(f"/bikes/{bike_id}", to)
        paying = self.own_post(kept.headers["location"], {})
        for _ in range(MOST_TRIES):
            if paying.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                break
            # on a busy machine: as long as the page says; the form has the same key again
            time.sleep(int(paying.headers["Retry-After"]))
            paying = self.own_post(kept.headers["location"], {})
        assert paying.is_redirect, paying.text
        page = self.http.get(paying.headers["location"]).text
        found = re.search(r'href="/purchases/([0-9a-f-]{36})"', page)
        assert found is not None, page
        self._payments[found[1]] = paying.headers["location"]
        return found[1]

    def buy(self, bike_id: int, to: Mapping[str, str] = ADDRESS) -> str:
        """Reserve a bike and pay; return the reservation's id."""
        reservation_id = self.reserve(bike_id, to)
        payment, _ = self.paths_of(reservation_id)
        assert self.own_post(payment, {"outcome": "approve"}).status_code == 303
        return reservation_id

    def paths_of(self, reservation_id: str) -> tuple[str, str]:
        """Return the paths of the payment and of the purchase, when it can be paid there."""
        path = f"/purchases/{reservation_id}"
        end = time.monotonic() + FOLLOWS_SECONDS
        while 'href="/pay/' not in (page := self.http.get(path).text):
            assert time.monotonic() < end, page
            time.sleep(0.05)
        return self._payments[reservation_id], path

    def due(self) -> set[str]:
        """Return the purchases of the list that can be paid."""
        page = self.http.get("/purchases").text
        return set(re.findall(r'href="/pay/([0-9a-f-]{36})"', page))

    def own_post(self, path: str, fields: Mapping[str, str]) -> httpx.Response:
        """Send a form as a page of ours sends it."""
        return self.http.post(path, data={**fields, "csrf": self.csrf()}, headers=self.own)
