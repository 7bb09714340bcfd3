"""Two replicas of reservation: one hangs or stops under load, the other goes on."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from signal import SIGCONT, SIGSTOP

import pytest

from tests.system import audit
from tests.system.busy_connections import CONNECTIONS, busy_connections
from tests.system.real_shop import Shop, temporary_shop
from tests.system.reserve_load import Load, assert_nothing_lost, load
from tests.system.shop_client import Person, ShopClient, open_client, until

BOTH = ("reservation-1", "reservation-2")
LONGEST_ANSWER_SECONDS = 2.5  # 2 s, and what a busy machine adds
WINDOW_SECONDS = 3.0
HANG_SECONDS = 10.0


@pytest.fixture(scope="module")
def doubled() -> Iterator[Shop]:
    """An open shop with two replicas of reservation."""
    with temporary_shop() as shop:
        result = shop.up("--replicas", "reservation=2")
        assert result.code == 0, result
        yield shop


@pytest.fixture
async def at_doubled(doubled: Shop) -> AsyncIterator[ShopClient]:
    async with open_client(doubled) as client:
        yield client


@dataclass(frozen=True)
class Answer:
    """One request: when it was sent (monotonic), how long it took, whether it reserved."""

    sent: float
    seconds: float
    reserved: bool


class Timed(Load):
    """Notes how long each request took."""

    def __init__(self, client: ShopClient, bike_id: int) -> None:
        super().__init__(client, bike_id)
        self.answers: list[Answer] = []

    async def _try(self, person: Person, key: str) -> str | None:
        sent = time.monotonic()
        reserve_id = await super()._try(person, key)
        self.answers.append(Answer(sent, time.monotonic() - sent, reserve_id is not None))
        return reserve_id

    def rate(self, begin: float, end: float) -> float:
        """Return the reservations a second that were answered between these times."""
        times = [each.sent + each.seconds for each in self.answers if each.reserved]
        return sum(begin <= at < end for at in times) / (end - begin)


async def test_while_a_replica_hangs_the_other_goes_on_and_nothing_is_lost(
    at_doubled: ShopClient,
) -> None:
    shop = at_doubled.shop
    async with load(at_doubled, Timed) as work:
        await work.more(50)
        before = await rate_of_the_next_seconds(work)
        for ends_by in ("continuing", "the watchdog"):
            pid = shop.pids["reservation-1"]
            os.kill(pid, SIGSTOP)
            await asyncio.sleep(WINDOW_SECONDS)
            during = await rate_of_the_next_seconds(work)
            if ends_by == "continuing":
                os.kill(pid, SIGCONT)
                await work.more(50)
            else:
                await until_replaced(shop, "reservation-1", pid)
            print(f"{during:.0f}/s, {before:.0f}/s before with both, {ends_by}")  # noqa: T201
            assert during >= 0.9 * before / 2
    slowest = max(each.seconds for each in work.answers)

    print(f"slowest answer after {slowest:.2f} s")  # noqa: T201
    assert slowest <= LONGEST_ANSWER_SECONDS
    await assert_nothing_lost(at_doubled, work)
    assert (await audit.read(shop)).faults() == []


async def test_the_reason_of_a_restart_stands_in_status_and_log(at_doubled: ShopClient) -> None:
    shop = at_doubled.shop
    pid = shop.pids["reservation-2"]

    os.kill(pid, SIGSTOP)
    await until_replaced(shop, "reservation-2", pid)
    result = await shop.roadbike("status", "--json")

    (row,) = [row for row in result.json if row["part"] == "reservation-2"]
    assert "gave no answer for 10 s" in row["last_end"]
    assert row["restarts"] == 1
    assert "supervisor.killed" in shop.home.log("reservation-2").read_text()


async def test_commands_name_all_replicas_or_one(at_doubled: ShopClient) -> None:
    shop = at_doubled.shop
    first = {part: shop.pids[part] for part in BOTH}

    killed = await shop.roadbike("kill", "reservation-2")
    await until_replaced(shop, "reservation-2", first["reservation-2"])
    one_killed = shop.pids["reservation-1"]
    logs = await shop.roadbike("logs", "reservation")
    await shop.roadbike_ok("stop", "reservation")
    stopped = [part for part in BOTH if part in shop.pids]
    await shop.roadbike_ok("start", "reservation")
    await shop.roadbike_ok("restart", "reservation-1")
    status = await shop.roadbike("status", "--json")

    rows = {row["part"]: row for row in status.json}
    assert killed.out == f"reservation-2: killed (pid {first['reservation-2']})\n"
    assert one_killed == first["reservation-1"]
    assert stopped == []
    assert all(part in logs.out for part in BOTH)
    assert [rows[part]["ready"] for part in BOTH] == [True, True]
    assert rows["reservation-2"]["port"] == shop.base + 20
    await at_doubled.settle()


async def test_requests_reach_both_replicas(at_doubled: ShopClient) -> None:
    buyer, bike_id = at_doubled.buyer(), await at_doubled.bike(units=10)
    for part in BOTH:
        await at_doubled.shop.roadbike_ok("stop", part)
        assert (await buyer.reserve(bike_id)).status == 201
        await at_doubled.shop.roadbike_ok("start", part)
    await at_doubled.settle()


@pytest.mark.parametrize("stops", [2, pytest.param(20, marks=pytest.mark.long)])
async def test_a_stop_cuts_no_busy_connection(at_doubled: ShopClient, stops: int) -> None:
    async with busy_connections(at_doubled) as requests:
        for number in range(stops):
            await requests.more(CONNECTIONS)
            await at_doubled.shop.roadbike_ok("restart", BOTH[number % 2])
        await requests.more(CONNECTIONS)
    print(f"{stops} stops: {requests.answered} answered, {requests.late} late")  # noqa: T201

    assert requests.cut == []


async def rate_of_the_next_seconds(work: Timed) -> float:
    begin = time.monotonic()
    await asyncio.sleep(WINDOW_SECONDS)
    return work.rate(begin, time.monotonic())


async def until_replaced(shop: Shop, part: str, pid: int) -> None:
    """Wait until another process of that part is ready."""

    async def look() -> bool:
        rows = (await shop.roadbike("status", "--json")).json
        return any(row["part"] == part and row["ready"] and row["pid"] != pid for row in rows)

    await until(look, bool, f"{part} is replaced", HANG_SECONDS + 30, pause=0.5)
