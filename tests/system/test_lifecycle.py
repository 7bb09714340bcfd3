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

from tests.system.load import BUYERS, Load
from tests.system.shop import PARTS, Shop, a_shop, surroundings
from tests.system.visit import Visit, visiting

END_SECONDS = 5
CLOSE_SECONDS = 60


@pytest.fixture(scope="module")
def other() -> Iterator[Shop]:
    """A second shop, open beside the one that all tests share."""
    with a_shop() as shop:
        said = shop.up()
        assert said.code == 0, said
        yield shop


@pytest.fixture
async def there(other: Shop) -> AsyncIterator[Visit]:
    async with visiting(other) as visit:
        yield visit


@asynccontextmanager
async def interrupted(visit: Visit) -> AsyncIterator[Load]:
    """Buyers who send requests during the block and are stopped at its end."""
    work = Load(visit, await visit.bike(units=1_000_000))
    buyers = [asyncio.create_task(work.buy(person)) for person in work.acknowledged]
    try:
        yield work
    finally:
        for buyer in buyers:
            buyer.cancel()
        await asyncio.wait(buyers)


async def test_a_killed_supervisor_leaves_no_process_and_the_next_serves_the_same_data(
    other: Shop, there: Visit
) -> None:
    logins = other.listing["logins"]
    async with interrupted(there) as work:
        await work.more()
        processes = other.processes()

        os.kill(other.pids["supervisor"], SIGKILL)
        alive = await asyncio.to_thread(alive_after, processes, END_SECONDS)

    assert alive == []

    said = await asyncio.to_thread(other.up)

    assert said.code == 0, said
    assert other.listing["logins"] == logins
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
    other: Shop, there: Visit
) -> None:
    for more in ((), ("--fresh",)):
        said = await asyncio.to_thread(other.up, *more)

        assert said.code == 1
        assert f"already running in {other.home.path} (pid {other.pids['supervisor']})" in said.err
        assert len(said.err.splitlines()) == 1
    await there.buyer().reserved(1)


async def test_two_open_shops_are_independent(visit: Visit, there: Visit) -> None:
    buyer = there.buyer()
    reserve_id = await buyer.reserved(1)
    await there.settle()

    assert (await there.admin.ask("GET", f"/reservations/{reserve_id}")).status == 200
    assert (await visit.admin.ask("GET", f"/reservations/{reserve_id}")).status == 404
    stranger = replace(visit.admin, token=there.admin.token)
    assert (await stranger.ask("GET", "/reservations")).status == 401


async def test_a_closed_shop_opens_again_with_its_data(other: Shop, there: Visit) -> None:
    buyer = there.buyer()
    reserve_id = await buyer.reserved(1)
    processes = other.processes()

    await other.obey("down")
    alive = await asyncio.to_thread(alive_after, processes, END_SECONDS)
    closed = await other.order("status")
    said = await asyncio.to_thread(other.up)

    assert alive == []
    assert (closed.code, closed.out) == (1, "")
    assert "no shop is running" in closed.err
    assert said.code == 0, said
    await there.settle()
    assert (await buyer.get(f"/myPages/{reserve_id}"))["stockStatus"] == "배정완료"


async def test_fresh_makes_new_data_and_ctrl_c_closes_the_shop(other: Shop) -> None:
    before = other.listing["logins"]
    await other.obey("down")

    with in_the_foreground(other, "--fresh") as (process, said):
        async with visiting(other) as visit:
            totals = [await visit.admin.total(path) for path in ("/reservations", "/myPages")]
            bike = await visit.admin.get("/stocks/1")
        process.send_signal(SIGINT)
        code = await asyncio.to_thread(process.wait, CLOSE_SECONDS)

    assert code == 0
    assert all(f"{part}: ready on port" in said for part in PARTS)
    assert "\x1b" not in said  # no colours, no live table: it is not a terminal
    assert (totals, bike["reserveQty"]) == ([0, 0], 0)
    assert other.listing["logins"].keys() == before.keys()
    assert not set(other.listing["logins"].values()) & set(before.values())
    assert other.listing["pids"] == {}


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
        env=surroundings({}),
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
