"""Kill and stop processes at random while buyers and staff work; then compare the databases."""

import argparse
import asyncio
import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from threading import Event, Lock, Thread
from typing import Any, Final
from uuid import uuid4

import aiohttp
import asyncpg

from roadbike.local import shop_file
from tests.faults.outcome import CannotTry, Outcome, say
from tests.faults.people import Person, Response, admin, buyer, new_bike, open_shop, seen_within
from tests.recipient import RECIPIENT
from tests.system import audit
from tests.system.real_shop import Shop
from tests.system.shop_client import open_client

BUYERS: Final = 10
SECONDS: Final = 60
SETTLED_SECONDS: Final = 120
TRIES: Final = 4
TARGETS: Final = (
    *("reservation", "payment", "stock", "delivery", "mypage"),
    *("postgres", "nats", "postgres", "nats"),
)
DOUBLED: Final = "stock=2,reservation=2,payment=2,mypage=2"  # as `roadbike up --replicas` takes it
STOPPED_SHARE: Final = 0.35  # of the faults; the others are kill -9
LONGEST_STOP_SECONDS: Final = 7.0
LONGEST_STOP_OF_TWO_SECONDS: Final = 14.0  # longer than the watchdog waits
BEHAVIOURS: Final = (
    *("approve",) * 6,
    *("unknown-captured", "unknown-not-captured", "error-after-commit", "decline", "slow"),
)
STEPS: Final = ("배송시작", "배송완료", "회수중", "회수완료")
COPY: Final = "SELECT bike_id, unanswered, free FROM bike"
TRUTH: Final = "SELECT bike_id, stock_quantity - held_quantity FROM bike"
NEVER_ANSWERED: Final = "SELECT reservation_id FROM reservation WHERE registered AND NOT answered"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))  # noqa: S311
    return parser.parse_args()


def under_random_faults(*, doubled: bool) -> Outcome:
    """Provoke faults in a new shop; doubled: with two replicas of four services."""
    asked = arguments()
    say(f"--seconds {asked.seconds} --seed {asked.seed}")
    with open_shop(replicas=DOUBLED if doubled else "") as shop:
        longest = LONGEST_STOP_OF_TWO_SECONDS if doubled else LONGEST_STOP_SECONDS
        fault_run = FaultRun(shop, longest, random.Random(asked.seed))  # noqa: S311 no secret
        fault_run.run(asked.seconds)
        say(f"faults: {dict(fault_run.done)}")
        say(f"answers: {dict(fault_run.answers)}; {len(fault_run.acknowledged)} reservations")
        broken = asyncio.run(broken_rules(shop, fault_run.acknowledged))
    if not fault_run.acknowledged:
        raise CannotTry("nothing was reserved")
    for line in broken[:10]:
        say(line)
    count = sum(fault_run.done.values())
    text = (
        f"{len(broken)} rules broken after {count} faults, {len(fault_run.acknowledged)} purchases"
    )
    return Outcome(bool(broken), text)


@dataclass
class FaultRun:
    """longest: a stop, in seconds. rng: decides what is bought and which process fails."""

    shop: Shop
    longest: float
    rng: random.Random
    answers: Counter[tuple[str, object]] = field(default_factory=Counter)
    acknowledged: set[str] = field(default_factory=set)
    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    over: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)

    def run(self, seconds: float) -> None:
        """Let buyers and staff work for that long, and provoke a fault every few seconds."""
        bikes = [new_bike(self.shop, 100_000, name="many"), new_bike(self.shop, 40, name="few")]
        buyers = [Thread(target=self._buy, args=(bikes,), daemon=True) for _ in range(BUYERS)]
        for each in buyers:
            each.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(self.rng.uniform(1.5, 3.5))
            self._provoke()
        self.over.set()
        for each in buyers:
            each.join(120)

    def _provoke(self) -> None:
        target = self.rng.choice(TARGETS)
        running = {
            part: pid
            for part, pid in self.shop.pids.items()
            if part == target or part.startswith(f"{target}-")  # a replica
        }
        if not running:
            return
        part, pid = self.rng.choice(sorted(running.items()))
        with suppress(ProcessLookupError):
            if self.rng.random() < STOPPED_SHARE:
                os.kill(pid, signal.SIGSTOP)
                self.done["stop", part] += 1
                time.sleep(self.rng.uniform(2, self.longest))
                os.kill(pid, signal.SIGCONT)  # unless the watchdog has killed it
            else:
                os.kill(pid, signal.SIGKILL)
                self.done["kill", part] += 1

    def _buy(self, bikes: list[int]) -> None:
        customer, staff = buyer(self.shop), admin(self.shop)
        while not self.over.is_set():
            number = bikes[self.rng.random() < 0.15]
            reserve_id = self._reserve(customer, number)
            if not reserve_id:
                continue
            with self.lock:
                self.acknowledged.add(reserve_id)
            chance = self.rng.random()
            if chance < 0.75:
                self._pay(customer, reserve_id)
            if chance > 0.5:
                self._ask("cancel", customer, "DELETE", f"/reservations/{reserve_id}")
            if chance < 0.2:
                self._deliver(staff, reserve_id)

    def _reserve(self, customer: Person, number: int) -> str:
        """Reserve with one key, up to four times; return the reserveId of a 201."""
        key, body = str(uuid4()), {"bikeId": number, **RECIPIENT}
        for _ in range(TRIES):
            answer = self._ask(
                "reserve", customer, "POST", "/reservations", body, Idempotency_Key=key
            )
            if answer is not None and answer.status == 201:
                return str(answer.body["reserveId"])
            if answer is not None and answer.status in {404, 422}:
                return ""
            time.sleep(0.4)
        return ""

    def _pay(self, customer: Person, reserve_id: str) -> None:
        path = f"/payments?reserveId={reserve_id}"
        found = seen_within(lambda: self._items(customer, path), 10)
        if not found:
            return
        at, behaviour = f"/payments/{found[0]['payId']}", self.rng.choice(BEHAVIOURS)
        for _ in range(2):
            body = {"payStatus": "결제완료"}
            self._ask("pay", customer, "PATCH", at, body, X_Simulate=behaviour)

    def _deliver(self, staff: Person, reserve_id: str) -> None:
        path = f"/deliveries?reserveId={reserve_id}"
        found = seen_within(lambda: self._items(staff, path), 5)
        if not found:
            return
        at = f"/deliveries/{found[0]['deliveryId']}"
        for step in STEPS[: self.rng.randint(1, len(STEPS))]:
            self._ask("move", staff, "PATCH", at, {"deliveryStatus": step})

    def _items(self, person: Person, path: str) -> list[Any]:
        answer = self._ask("find", person, "GET", path)
        if answer is None or answer.status != 200:
            return []
        items: list[Any] = next(iter(answer.body["_embedded"].values()))
        return items

    def _ask(
        self, what: str, person: Person, method: str, path: str, body: object = None, **more: Any
    ) -> Response | None:
        """Ask and count the answer; None when the connection broke."""
        answer: Response | None = None
        try:
            answer = person.ask(method, path, body, **more)
            said: object = answer.status
        except (OSError, HTTPException) as error:
            said = type(error).__name__
        with self.lock:
            self.answers[what, said] += 1
        return answer


async def broken_rules(shop: Shop, acknowledged: set[str]) -> list[str]:
    """Wait until the shop is settled; return every rule that is broken then."""
    if busy := await unsettled(shop):
        return [busy]
    found = await audit.read(shop)
    registered = {key for key, each in found.purchases.items() if each.reservation["registered"]}
    return [
        *found.faults(),
        *(f"{lost}: acknowledged and lost" for lost in sorted(acknowledged - registered)),
        *await broken_copies(shop),
    ]


async def unsettled(shop: Shop) -> str:
    """Wait until the shop is settled; return what is not when the time is over."""
    end = time.monotonic() + SETTLED_SECONDS
    async with open_client(shop) as client:
        while True:
            try:
                await client.settle(end - time.monotonic())
            except AssertionError as busy:
                return str(busy)
            except (aiohttp.ClientError, ValueError, TimeoutError) as problem:
                # the service that was killed last has not started yet
                if time.monotonic() > end:
                    return f"a service does not answer: {problem}"
                await asyncio.sleep(1)
            else:
                return ""


async def broken_copies(shop: Shop) -> list[str]:
    """Compare reservation's copy of the bikes with stock; list what stock never answered."""
    free = {row["bike_id"]: row[1] for row in await rows(shop, "stock", TRUTH)}
    copies = await rows(shop, "reservation", COPY)
    unanswered = await rows(shop, "reservation", NEVER_ANSWERED)
    return [
        *(f"bike {row['bike_id']}: unanswered {row['unanswered']}" for row in copies if row[1]),
        *(
            f"bike {row['bike_id']}: {row['free']} free in the copy, not {free.get(row[0])}"
            for row in copies
            if row["free"] != free.get(row["bike_id"])
        ),
        *(f"{row['reservation_id']}: never answered by stock" for row in unanswered),
    ]


async def rows(shop: Shop, service: str, statement: str) -> list[Any]:
    url = shop_file.read_known(shop.home).databases[service].replace("+asyncpg", "")
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(statement))
    finally:
        await connection.close()
