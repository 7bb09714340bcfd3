"""kill -9 of each process while buyers reserve: soon back, and nothing promised is lost."""

import asyncio
import os
import time
from collections.abc import Callable
from signal import SIGKILL

import pytest

from roadbike.local import control
from roadbike.local.keeper import View
from tests.system.load import assert_kept, load
from tests.system.shop import PARTS, Shop
from tests.system.visit import Visit, until

SOON = 5  # seconds


@pytest.mark.parametrize("part", PARTS)
async def test_a_part_killed_under_load_is_ready_soon_and_nothing_is_lost(
    visit: Visit, part: str
) -> None:
    async with load(visit) as work:
        await work.more()
        killed = visit.shop.pids[part]

        os.kill(killed, SIGKILL)

        took = await seconds_until_ready(visit.shop, part, lambda view: view.pid != killed)
        assert took <= SOON
        await work.more()

    await assert_kept(visit, work)


async def test_the_command_kills_as_a_fault_would_and_the_part_comes_back(visit: Visit) -> None:
    before = visit.shop.pids["mypage"]

    said = await visit.shop.order("kill", "mypage")

    assert (said.code, said.out) == (0, f"mypage: killed (pid {before})\n")
    await seconds_until_ready(visit.shop, "mypage", lambda view: view.pid != before)
    await visit.settle()


async def seconds_until_ready(shop: Shop, part: str, right: Callable[[View], bool]) -> float:
    began = time.monotonic()

    async def look() -> View:
        views = await asyncio.to_thread(control.views, shop.home)
        return next(view for view in views if view.name == part)

    await until(look, lambda view: view.state == "ready" and right(view), f"{part} is ready", 30)
    return time.monotonic() - began
