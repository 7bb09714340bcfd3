"""Streams of events: they live longer than every time-out on the way, and end with a drain."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import httpx
import pytest

from roadbike.contracts.statuses import ReservationStatus
from tests.browser.browserless import Browserless
from tests.browser.staff import Staff
from tests.browser.test_trouble import shop_command
from tests.system.real_shop import Shop

HEARTBEAT_SECONDS: Final = 15
LONGER_THAN_ALL: Final = 12.0  # 10 s: for a request to arrive, at the gateway and at the service
LONGER_THAN_A_MINUTE: Final = 65.0  # the usual time-out of proxies


@dataclass
class Stream:
    """An open stream. ids: of the steps it has sent."""

    lines: Iterator[str]
    seen: list[str] = field(default_factory=list)

    def until(self, wanted: str) -> str:
        """Read on, to a line that begins so, and return it. Fails when the stream ends."""
        for line in self.lines:
            self.seen.append(line)
            if line.startswith(wanted):
                return line
        raise AssertionError((wanted, self.seen))

    def rest(self) -> list[str]:
        return list(self.lines)

    @property
    def steps(self) -> list[str]:
        return re.findall(r'data-id="(\w+)-', "\n".join(self.seen))


@contextmanager
def followed(buyer: Browserless, reservation_id: str, **headers: str) -> Iterator[Stream]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    path = f"/purchases/{reservation_id}/events"
    timeout = httpx.Timeout(10, read=HEARTBEAT_SECONDS + 5)
    with buyer.http.stream("GET", path, headers=sent, timeout=timeout) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["x-accel-buffering"] == "no"
        stream = Stream(answer.iter_lines())
        assert stream.until("retry:") == "retry: 1000"
        yield stream


def reserved(buyer: Browserless, staff: Staff) -> str:
    """Reserve a bike, and return the id of the reservation when my page shows it."""
    reservation_id = buyer.reserve(staff.bike())
    buyer.paths_of(reservation_id)
    return reservation_id


@pytest.fixture
def buyer(shop: Shop) -> Browserless:
    client = Browserless(shop.address("gateway"))
    client.sign_up(f"stream{time.monotonic_ns()}")
    return client


@pytest.mark.parametrize(
    "seconds",
    [LONGER_THAN_ALL, pytest.param(LONGER_THAN_A_MINUTE, marks=pytest.mark.long)],
)
def test_a_stream_lives_longer_than_every_time_out(
    buyer: Browserless, staff: Staff, seconds: float
) -> None:
    reservation_id = reserved(buyer, staff)
    started = time.monotonic()

    with followed(buyer, reservation_id) as stream:
        stream.until("event: facts")
        while time.monotonic() - started < seconds:
            stream.until(":")
        buyer.own_post(f"/purchases/{reservation_id}/cancel", {})
        while "ReservationCancelled" not in stream.steps:
            stream.until("data:")

    beats = stream.seen.count(": alive")
    assert beats >= (time.monotonic() - started) // HEARTBEAT_SECONDS - 1


def test_who_connects_again_gets_only_what_is_new(buyer: Browserless, staff: Staff) -> None:
    reservation_id = reserved(buyer, staff)
    with followed(buyer, reservation_id) as stream:
        while "StockAllocated" not in stream.steps:
            stream.until("data:")
        stream.until("event: facts")
        last = [line for line in stream.seen if line.startswith("id:")][-1].removeprefix("id: ")

    with followed(buyer, reservation_id, Last_Event_ID=last) as again:
        again.until("event: facts")
        assert again.steps == []
        buyer.own_post(f"/purchases/{reservation_id}/cancel", {})
        while "ReservationCancelled" not in again.steps:
            again.until("data:")


def test_a_stream_ends_with_the_drain_and_says_when_to_come_back(
    buyer: Browserless, staff: Staff, shop: Shop
) -> None:
    reservation_id = reserved(buyer, staff)
    with followed(buyer, reservation_id) as stream:
        stream.until("event: facts")
        shop_command(shop, "stop", "storefront")
        rest = stream.rest()
    try:
        assert "retry: 1000" in rest
    finally:
        shop_command(shop, "start", "storefront")
    staff.wait_for("/")


def test_a_stream_goes_on_while_my_page_is_killed(
    buyer: Browserless, staff: Staff, shop: Shop
) -> None:
    reservation_id = reserved(buyer, staff)
    with followed(buyer, reservation_id) as stream:
        stream.until("event: facts")
        shop_command(shop, "kill", "mypage")
        path = f"/reservations/{reservation_id}"
        staff.call("PATCH", path, {"reserveStatus": ReservationStatus.CANCELLED})
        while "ReservationCancelled" not in stream.steps:
            stream.until("data:")
