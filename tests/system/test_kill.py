"""Each part is killed with `kill -9` while buyers reserve: it is soon ready, nothing is lost."""

import asyncio
import os
import time
from signal import SIGKILL

from roadbike.local.supervisor import control
from roadbike.local.supervisor.keeper import View
from tests.system.real_shop import PARTS, Shop
from tests.system.reserve_load import assert_nothing_lost, load
from tests.system.shop_client import ShopClient, until

RESTART_SECONDS = 5
POSTGRES_RESTART_SECONDS = 15  # it syncs its folder and replays its log, at the disk's speed


async def test_each_part_killed_under_load_is_ready_soon_and_nothing_is_lost(
    client: ShopClient,
) -> None:
    seconds = {}
    async with load(client) as work:
        for part in PARTS:
            await work.more()
            killed = client.shop.pids[part]

            os.kill(killed, SIGKILL)

            seconds[part] = await seconds_until_ready(client.shop, part, killed)
        await work.more()

    assert seconds.pop("postgres") <= POSTGRES_RESTART_SECONDS
    assert max(seconds.values()) <= RESTART_SECONDS, seconds
    await assert_nothing_lost(client, work)


async def test_roadbike_kill_kills_a_part_and_it_is_started_again(
    client: ShopClient,
) -> None:
    before = client.shop.pids["mypage"]

    result = await client.shop.roadbike("kill", "mypage")

    assert (result.code, result.out) == (0, f"mypage: killed (pid {before})\n")
    await seconds_until_ready(client.shop, "mypage", before)
    await client.settle()


async def seconds_until_ready(shop: Shop, part: str, killed: int) -> float:
    start = time.monotonic()

    async def look() -> View:
        views = await asyncio.to_thread(control.views, shop.home)
        return next(view for view in views if view.name == part)

    def is_back(view: View) -> bool:
        return view.state == "ready" and view.pid != killed

    await until(look, is_back, f"{part} is ready", seconds=30)
    return time.monotonic() - start
