"""The life of a shop: killed, opened again, opened twice, with new data, beside another shop."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from signal import SIGINT, SIGKILL

import psutil
import pytest

from tests.system.real_shop import PARTS, Shop, command_environment, temporary_shop
from tests.system.reserve_load import BUYERS, Load
from tests.system.shop_client import ShopClient, open_client

END_SECONDS = 5
CLOSE_SECONDS = 60


@pytest.fixture(scope="module")
def other() -> Iterator[Shop]:
    """A second shop, open beside the one that all tests share."""
    with temporary_shop() as shop:
        result = shop.up()
        assert result.code == 0, result
        yield shop


@pytest.fixture
async def there(other: Shop) -> AsyncIterator[ShopClient]:
    async with open_client(other) as client:
        yield client


@asynccontextmanager
async def interrupted(client: ShopClient) -> AsyncIterator[Load]:
    """Buyers who send requests during the block and are stopped at its end."""
    work = Load(client, await client.bike(units=1_000_000))
    buyers = [asyncio.create_task(work.buy(person)) for person in work.acknowledged]
    try:
        yield work
    finally:
        for buyer in buyers:
            buyer.cancel()
        await asyncio.wait(buyers)


async def test_a_killed_supervisor_leaves_no_process_and_the_next_serves_the_same_data(
    other: Shop, there: ShopClient
) -> None:
    logins = other.shop_file["logins"]
    async with interrupted(there) as work:
        await work.more()
        processes = other.processes()

        os.kill(other.pids["supervisor"], SIGKILL)
        alive = await asyncio.to_thread(alive_after, processes, END_SECONDS)

    assert alive == []

    result = await asyncio.to_thread(other.up)

    assert result.code == 0, result
    assert other.shop_file["logins"] == logins
    await there.settle()
    for person, promised in work.acknowledged.items():
        made = {item["reserveId"] for item in await person.all("/reservations")}
        pages = {item["reserveId"]: item for item in await person.all("/myPages")}
        assert promised <= made  # a last one may have been made although its answer was lost
        assert len(made - promised) <= 1
        assert pages.keys() == made
        assert {page["stockStatus"] for page in pages.values()} <= {"배정완료"}
    assert work.count >= BUYERS


async def test_a_second_up_in_the_same_home_is_refused_and_changes_nothing(
    other: Shop, there: ShopClient
) -> None:
    for more in ((), ("--fresh", "--yes")):
        result = await asyncio.to_thread(other.up, *more)

        assert result.code == 1
        assert (
            f"already running in {other.home.path} (pid {other.pids['supervisor']})" in result.err
        )
        assert len(result.err.splitlines()) == 1
    await there.buyer().reserved(1)


async def test_two_open_shops_are_independent(client: ShopClient, there: ShopClient) -> None:
    buyer = there.buyer()
    reserve_id = await buyer.reserved(1)
    await there.settle()

    assert (await there.admin.request("GET", f"/reservations/{reserve_id}")).status == 200
    assert (await client.admin.request("GET", f"/reservations/{reserve_id}")).status == 404
    stranger = replace(client.admin, token=there.admin.token)
    # signed with a key that this shop does not know, and may be about to learn: not 401 yet
    assert (await stranger.request("GET", "/reservations")).status == 503


async def test_a_closed_shop_opens_again_with_its_data(other: Shop, there: ShopClient) -> None:
    buyer = there.buyer()
    reserve_id = await buyer.reserved(1)
    processes = other.processes()

    await other.roadbike_ok("down")
    alive = await asyncio.to_thread(alive_after, processes, END_SECONDS)
    closed = await other.roadbike("status")
    result = await asyncio.to_thread(other.up)

    assert alive == []
    assert (closed.code, closed.out) == (2, "")
    assert "no shop is running" in closed.err
    assert result.code == 0, result
    await there.settle()
    assert (await buyer.get(f"/myPages/{reserve_id}"))["stockStatus"] == "배정완료"


async def test_fresh_makes_new_data_and_ctrl_c_closes_the_shop(other: Shop) -> None:
    before = other.shop_file["logins"]
    await other.roadbike_ok("down")

    with in_the_foreground(other, "--fresh", "--yes") as (process, output):
        async with open_client(other) as client:
            totals = [await client.admin.total(path) for path in ("/reservations", "/myPages")]
            bike = await client.admin.get("/stocks/1")
        process.send_signal(SIGINT)
        code = await asyncio.to_thread(process.wait, CLOSE_SECONDS)

    assert code == 0
    assert all(f"{part}: ready on port" in output for part in PARTS)
    assert "\x1b" not in output  # no colours, no live table: it is not a terminal
    assert (totals, bike["reserveQty"]) == ([0, 0], 0)
    assert other.shop_file["logins"].keys() == before.keys()
    assert not set(other.shop_file["logins"].values()) & set(before.values())
    assert other.shop_file["pids"] == {}


def alive_after(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Return those that have not ended after some seconds; zombies have ended."""
    _, left = psutil.wait_procs(processes, timeout=seconds)
    return [process for process in left if not has_ended(process)]


def has_ended(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@contextmanager
def in_the_foreground(shop: Shop, *more: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run `roadbike up` without --detach; give the process and its output until it was open."""
    process = subprocess.Popen(  # noqa: S603  our own command
        shop.command("up", "--port-base", str(shop.base), *more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=command_environment({}),
    )
    assert process.stdout is not None
    lines = [process.stdout.readline()]
    while lines[-1] and "roadbike down" not in lines[-1]:
        lines.append(process.stdout.readline())
    try:
        yield process, "".join(lines)
    finally:
        process.kill()
        process.communicate()
