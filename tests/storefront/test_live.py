"""Viewers of purchases: my page is asked once for all of them, and each one learns of a change."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from roadbike.storefront.live import Live
from roadbike.storefront.peers import Answer, Request, Unreachable

FIRST, SECOND = uuid4(), uuid4()


class MyPage:
    """My page with so many events of each purchase. asked: the purchases of each request."""

    def __init__(self) -> None:
        self.events: dict[UUID, int] = {}
        self.asked: list[set[str]] = []
        self.is_down = False

    async def send(self, request: Request) -> Answer:
        body: Any = request.body
        self.asked.append(set(body["known"]))
        if self.is_down:
            raise Unreachable("mypage")
        for _ in range(10):
            changed = {
                id_: self.events.get(UUID(id_), 0)
                for id_, known in body["known"].items()
                if self.events.get(UUID(id_), 0) > known
            }
            if changed:
                return Answer(200, {"changed": changed})
            await asyncio.sleep(0.01)
        return Answer(200, {"changed": {}})


@pytest.fixture
def mypage() -> MyPage:
    return MyPage()


@pytest.fixture
async def live(mypage: MyPage) -> AsyncIterator[Live]:
    peers: Any = mypage
    async with Live(peers) as live:
        yield live


async def woken(watch: Any) -> bool:
    async with asyncio.timeout(10):
        await watch.woken.wait()
    return True


async def test_every_viewer_of_a_purchase_is_woken_and_no_other(live: Live, mypage: MyPage) -> None:
    with (
        live.watch(FIRST, 1, lambda: True) as one,
        live.watch(FIRST, 1, lambda: True) as two,
        live.watch(SECOND, 1, lambda: True) as other,
    ):
        mypage.events[FIRST] = 2

        assert await woken(one)
        assert await woken(two)
        assert not other.woken.is_set()
    assert {str(FIRST), str(SECOND)} in mypage.asked
    assert live.watched == 0


async def test_who_comes_with_fewer_events_than_others_know_is_woken_at_once(
    live: Live, mypage: MyPage
) -> None:
    with live.watch(FIRST, 1, lambda: True) as early:
        mypage.events[FIRST] = 2
        assert await woken(early)

        with live.watch(FIRST, 1, lambda: True) as late:
            assert late.woken.is_set()


async def test_a_change_is_noticed_after_my_page_was_down(live: Live, mypage: MyPage) -> None:
    mypage.is_down = True
    with live.watch(FIRST, 1, lambda: True) as watch:
        while not mypage.asked:  # noqa: ASYNC110 nothing says that it was asked
            await asyncio.sleep(0.01)
        mypage.is_down, mypage.events[FIRST] = False, 2

        assert await woken(watch)


async def test_all_viewers_are_woken_when_the_process_stops(live: Live) -> None:
    with live.watch(FIRST, 1, lambda: False) as watch:
        assert await woken(watch)
