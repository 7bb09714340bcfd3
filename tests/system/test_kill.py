"""kill -9 of each process while buyers reserve: soon back, and nothing promised is lost."""

import asyncio
import os
import time
from signal import SIGKILL

from roadbike.local.supervisor import control
from roadbike.local.supervisor.keeper import View
from tests.system.real_shop import PARTS, Shop
from tests.system.reserve_load import assert_kept, load
from tests.system.shop_client import ShopClient, until

SOON = 5  # seconds
AFTER_REPLAY = 15  # PostgreSQL first syncs its folder and replays its log, as fast as the disk is


async def test_each_part_killed_under_load_is_ready_soon_and_nothing_is_lost(
    client: ShopClient,
) -> None:
    took = {}
    async with load(client) as work:
        for part in PARTS:
            await work.more()
            killed = client.shop.pids[part]

            os.kill(killed, SIGKILL)

            took[part] = await seconds_until_ready(client.shop, part, killed)
        await work.more()

    assert took.pop("postgres") <= AFTER_REPLAY
    assert max(took.values()) <= SOON, took
    await assert_kept(client, work)


async def test_the_command_kills_as_a_fault_would_and_the_part_comes_back(
    client: ShopClient,
) -> None:
    before = client.shop.pids["mypage"]

    result = await client.shop.roadbike("kill", "mypage")

    assert (result.code, result.out) == (0, f"mypage: killed (pid {before})\n")
    await seconds_until_ready(client.shop, "mypage", before)
    await client.settle()


async def seconds_until_ready(shop: Shop, part: str, killed: int) -> float:
    began = time.monotonic()

    async def look() -> View:
        views = await asyncio.to_thread(control.views, shop.home)
        return next(view for view in views if view.name == part)

    def is_back(view: View) -> bool:
        return view.state == "ready" and view.pid != killed

    await until(look, is_back, f"{part} is ready", seconds=30)
    return time.monotonic() - began
