"""The stream of one purchase: what it sends at first, at a change, without services, at the end."""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final

import pytest

from roadbike.contracts.statuses import DeliveryStatus, PaymentStatus
from roadbike.storefront.live import Live
from roadbike.storefront.peers import Answer, Request, Unreachable
from roadbike.storefront.purchase_pages import PurchasePages
from roadbike.storefront.purchases import Facts
from roadbike.storefront.seller import Seller
from roadbike.storefront.timeline import Step
from roadbike.storefront.visitors import Visitor
from tests.storefront.test_timeline import purchase

NOW: Final = datetime(2026, 11, 26, 5, tzinfo=UTC)
WAY: Final = ("ReservationRegistered", "PaymentApproved", "DeliveryPrepared", "DeliveryStarted")
VISITOR: Final = Visitor(language="en", theme="", path="/", client="", seller=Seller())
ID: Final = purchase().id


def facts(events: int, **changes: Any) -> Facts:
    steps = [Step(event=WAY[n], at=NOW + timedelta(seconds=n)) for n in range(events)]
    return Facts(
        purchase=purchase(payment_status=PaymentStatus.PAID, **changes),
        steps=steps,
        events=events,
        bikes={},
        delivery=None,
        payment=None,
        reservation=None,
    )


class Services:
    """All other services, with one purchase of so many events. failures: calls to refuse."""

    def __init__(self) -> None:
        self.known: Facts | Answer = facts(2)
        self.failures = 0

    async def facts(self, _visitor: Visitor, _reservation_id: object) -> Facts | Answer:
        if self.failures:
            self.failures -= 1
            raise Unreachable("mypage")
        return self.known

    async def of(self, _request: object) -> Visitor:
        return VISITOR

    async def send(self, request: Request) -> Answer:
        body: Any = request.body
        while True:
            events = self.known.events if isinstance(self.known, Facts) else 9
            changed = {id_: events for id_, known in body["known"].items() if events > known}
            if changed:
                return Answer(200, {"changed": changed})
            await asyncio.sleep(0.01)


class Stream:
    """What one viewer gets."""

    def __init__(self, events: AsyncGenerator[bytes, None]) -> None:
        self._events = events

    async def until(self, name: str) -> list[str]:
        """Return the names of the events up to one; a step has its own name."""
        names = []
        async with asyncio.timeout(10):
            async for chunk in self._events:
                names.append(name_of(chunk))
                if names[-1] == name:
                    return names
        raise AssertionError((name, names))

    async def rest(self) -> list[str]:
        async with asyncio.timeout(10):
            return [name_of(chunk) async for chunk in self._events]


def name_of(chunk: bytes) -> str:
    text = chunk.decode()
    step = re.search(r'data-id="(\w+)-', text)
    named = re.search(r"^event: (\w+)$", text, re.MULTILINE)
    return step[1] if step else named[1] if named else text.strip()


@pytest.fixture
def services() -> Services:
    return Services()


@pytest.fixture
async def follow(services: Services) -> Any:
    fakes: Any = services
    async with Live(fakes) as live:
        pages = PurchasePages(fakes, fakes, fakes, fakes, live, heartbeat_seconds=0.05)

        def follow(after: str = "", is_ready: Callable[[], bool] = lambda: True) -> Stream:
            request: Any = SimpleNamespace(
                app=SimpleNamespace(state={"ready": is_ready}),
                headers={"last-event-id": after} if after else {},
                query_params={},
                path_params={"reservation_id": ID},
            )
            known: Any = services.known
            return Stream(pages._events(VISITOR, request, known))  # noqa: SLF001 what is tested

        yield follow


async def test_all_steps_are_sent_at_first_and_then_the_new_ones(
    follow: Any, services: Services
) -> None:
    stream = follow()
    first = await stream.until("facts")
    services.known = facts(3)

    assert first == ["retry: 1000", *WAY[:2], "head", "next", "facts"]
    assert [name for name in await stream.until("facts") if name != ": alive"] == [
        WAY[2],
        *("head", "next", "facts"),
    ]


async def test_who_knows_all_events_gets_no_step_again(follow: Any) -> None:
    assert await follow(after="2").until("facts") == ["retry: 1000", "head", "next", "facts"]
    assert WAY[0] in await follow(after="1").until("facts")
    assert WAY[0] in await follow(after="2x").until("facts")


async def test_it_says_that_it_is_alive(follow: Any) -> None:
    stream = follow()
    await stream.until("facts")

    assert await stream.until(": alive") == [": alive"]


async def test_it_goes_on_when_my_page_is_back(follow: Any, services: Services) -> None:
    stream = follow()
    await stream.until("facts")
    services.failures, services.known = 1, facts(3)

    assert WAY[2] in await stream.until("facts")


async def test_it_ends_with_the_process_and_says_when_to_come_back(follow: Any) -> None:
    ready = [True]
    stream = follow(is_ready=lambda: ready[0])
    await stream.until("facts")
    ready[0] = False

    assert [name for name in await stream.rest() if name != ": alive"] == ["retry: 1000"]


async def test_it_ends_when_nothing_more_can_happen(follow: Any, services: Services) -> None:
    services.known = facts(4, delivery_status=DeliveryStatus.COMPLETED)

    assert (await follow().rest())[-1] == "end"


async def test_it_ends_when_the_purchase_is_not_the_viewer_s_any_more(
    follow: Any, services: Services
) -> None:
    stream = follow()
    await stream.until("facts")
    services.known = Answer(401, {})

    assert (await stream.rest())[-1] == "end"
