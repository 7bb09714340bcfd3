"""Password guessing stops at 3 failures per account and 5 per client; from 8 in all, it waits."""

import asyncio
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from roadbike.account.devices import Devices
from roadbike.account.domain import MAX_DELAY_SECONDS, Guess, Limits, WrongCredentials
from roadbike.account.passwords import MAX_WAITING, THREADS, UNKNOWN_USER_HASH, Passwords
from roadbike.account.store import LOGIN_FAILURE, add_failure
from roadbike.account.use_cases import MAX_DELAYED, LogIns
from roadbike.kit.auth import SigningKey, new_signing_key
from roadbike.kit.process.service import Service
from roadbike.kit.pure.refusals import Overloaded

HERE = "10.0.0.1"
RARE = "correct horse"
TIMEOUT_SECONDS = 10


async def fail(log_in: Any, times: int, user_id: str = "kim", address: str = HERE) -> list[int]:
    answers = [await log_in(user_id, "wrong horse", address) for _ in range(times)]
    return [answer.status_code for answer in answers]


async def failures(service: Service) -> int:
    async with service.db.read() as tx:
        count: int = await tx.scalar(select(func.count()).select_from(LOGIN_FAILURE))
        return count


async def test_after_the_limit_the_right_password_is_refused_too(sign_up: Any, log_in: Any) -> None:
    await sign_up()

    assert await fail(log_in, 4) == [401, 401, 401, 429]

    answer = await log_in("KIM", "correct horse", "10.9.9.9")
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 300


async def test_an_unknown_user_is_limited_as_well(log_in: Any) -> None:
    assert await fail(log_in, 4, "nobody") == [401, 401, 401, 429]


async def test_a_user_id_that_case_folding_makes_longer_is_unknown_too(
    log_in: Any, service: Service
) -> None:
    assert await fail(log_in, 3, "ß" * 64) == [401, 401, 401]
    assert await failures(service) == 3


async def test_only_failures_count(sign_up: Any, log_in: Any, service: Service) -> None:
    await sign_up()

    for _ in range(6):
        assert (await log_in(address=HERE)).status_code == 200

    assert await failures(service) == 0


async def test_a_refused_attempt_does_not_count(
    sign_up: Any, log_in: Any, service: Service
) -> None:
    await sign_up()

    await fail(log_in, 10)

    assert await failures(service) == 3


async def test_a_client_is_limited_over_all_accounts(sign_up: Any, log_in: Any) -> None:
    await sign_up()
    users = ["a1", "a2", "a3", "a4", "a5", "a6"]

    statuses = [(await fail(log_in, 1, user))[0] for user in users]

    assert statuses == [401] * 5 + [429]
    assert (await log_in("kim", address=HERE)).status_code == 429
    assert (await log_in("kim", address="10.0.0.2")).status_code == 200


async def test_a_forged_address_does_not_help(log_in: Any) -> None:
    statuses = [
        (await log_in(f"user{n}", "wrong horse", f"6.6.6.{n}, {HERE}")).status_code
        for n in range(6)
    ]

    assert statuses == [401] * 5 + [429]


async def test_an_ipv6_customer_is_one_client(log_in: Any) -> None:
    statuses = [
        (await log_in(f"user{n}", "wrong horse", f"2001:db8:1:2::{n}")).status_code
        for n in range(6)
    ]

    assert statuses == [401] * 5 + [429]


async def test_many_failures_of_all_together_delay_log_ins_and_never_refuse_them(
    sign_up: Any, log_ins: LogIns, slept: list[float]
) -> None:
    """The eight that are allowed do not wait; then the delay grows to 2 s and not beyond."""
    await sign_up()
    for number in range(20):
        with pytest.raises(WrongCredentials):
            await log_ins.log_in(user_id=f"u{number}", password=RARE, client=f"10.0.1.{number}")

    account, token = await log_ins.log_in(user_id="kim", password=RARE, client="10.0.2.1")
    assert account.user_id == "kim"
    assert slept == [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2, 2, 2, 2]

    await log_ins.log_in(user_id="kim", password=RARE, client="10.0.2.1", device_token=token)
    assert len(slept) == 12  # a known device does not wait


async def test_so_many_log_ins_wait_at_the_same_time_and_hold_no_place_in_the_queue(
    service: Service, log_ins: LogIns
) -> None:
    for number in range(16):
        async with service.db.begin() as tx:
            await add_failure(tx, Guess(user_id=f"u{number}", client=f"10.0.1.{number}"))
    asleep: asyncio.Queue[float] = asyncio.Queue()

    async def sleep(seconds: float) -> None:
        asleep.put_nowait(seconds)
        await asyncio.Event().wait()

    waiting = replace(log_ins, sleep=sleep)
    tries = []
    for number in range(MAX_DELAYED):
        guess = waiting.log_in(user_id="nobody", password=RARE, client=f"10.1.0.{number}")
        tries.append(asyncio.create_task(guess))
        async with asyncio.timeout(TIMEOUT_SECONDS):
            assert await asleep.get() == MAX_DELAY_SECONDS
    with pytest.raises(Overloaded):
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await waiting.log_in(user_id="nobody", password=RARE, client="10.2.0.1")

    with ExitStack() as turns:
        for _ in range(THREADS + MAX_WAITING):
            turns.enter_context(log_ins.passwords.turn())
    for one in tries:
        one.cancel()
    await asyncio.gather(*tries, return_exceptions=True)


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0), (999, 0), (1000, 0), (1500, 1), (2000, 2), (10**6, 2)]
)
def test_the_delay_grows_to_two_seconds(failures: int, seconds: float) -> None:
    assert Limits(in_all=1000).delay_seconds(failures) == seconds


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def log_ins(service: Service, slept: list[float]) -> LogIns:
    """The use case itself, which notes its delays instead of waiting."""

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    return LogIns(
        db=service.db,
        passwords=service.resources[0],
        devices=Devices([SigningKey.from_jwk(new_signing_key("account/1"))]),
        limits=Limits(per_account=3, per_client=5, in_all=8),
        sleep=sleep,
    )


async def test_the_window_moves_on(sign_up: Any, log_in: Any, time_passes: Any) -> None:
    await sign_up()
    await fail(log_in, 3)

    await time_passes(timedelta(minutes=4))
    assert (await log_in()).status_code == 429

    await time_passes(timedelta(minutes=1, seconds=1))
    assert (await log_in()).status_code == 200


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(days=1)])
async def test_failures_by_a_clock_that_was_ahead_lock_nobody_out(
    sign_up: Any, log_in: Any, time_passes: Any, ahead: timedelta
) -> None:
    await sign_up()
    await fail(log_in, 3)

    await time_passes(-ahead)  # the clock was ahead, and is set right

    assert (await log_in()).status_code == 200


async def test_old_failures_are_deleted(log_in: Any, service: Service, time_passes: Any) -> None:
    await fail(log_in, 2)
    await time_passes(timedelta(minutes=6))
    await fail(log_in, 1)

    for timed in service.timed:
        await timed.do(service.db)

    assert await failures(service) == 1


async def test_parallel_guesses_do_not_get_around_the_limits(sign_up: Any, log_in: Any) -> None:
    """The right password among them is refused when enough of the others failed first."""
    await sign_up()

    guesses = ["wrong horse"] * 12 + ["correct horse"]
    answers = await asyncio.gather(*(log_in("kim", guess, HERE) for guess in guesses))

    statuses = [answer.status_code for answer in answers]
    assert 429 in statuses
    assert statuses[-1] in {200, 429, 503}
    assert statuses.count(401) <= 3 + 2  # two threads may finish at once


async def test_more_than_the_queue_takes_is_refused_at_once() -> None:
    async with Passwords(threads=1, waiting=2) as passwords:
        with ExitStack() as turns:
            for _ in range(3):
                turns.enter_context(passwords.turn())
            with pytest.raises(Overloaded):
                turns.enter_context(passwords.turn())

        with passwords.turn():
            pass  # there is room again


async def test_a_hash_fits_its_own_password_only() -> None:
    async with Passwords() as passwords:
        stored = await passwords.hash("correct horse")

        assert await passwords.matches("correct horse", stored)
        assert not await passwords.matches("wrong horse", stored)
        assert not await passwords.matches("correct horse", None)
        assert not await passwords.matches("correct horse", "no hash at all")
        assert not passwords.is_outdated(stored)


async def test_an_unknown_user_takes_as_long_as_a_known_one() -> None:
    """The guess is checked against a hash with the current parameters that matches nothing."""
    async with Passwords() as passwords:
        assert not passwords.is_outdated(UNKNOWN_USER_HASH)
        assert not await passwords.matches("correct horse", UNKNOWN_USER_HASH)


async def test_many_log_ins_at_once_do_not_block_other_requests(ask: Any, log_in: Any) -> None:
    rush = [asyncio.create_task(log_in(f"user{n}", "wrong horse")) for n in range(100)]

    alive = await ask("GET /livez")

    assert alive.status_code == 200
    assert not all(task.done() for task in rush)
    statuses = {task.status_code for task in await asyncio.gather(*rush)}
    assert statuses <= {401, 429, 503}
    assert 503 in statuses
