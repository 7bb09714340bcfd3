"""Races, found sound: the supervisor is killed (kill -9) while mypage and NATS hang (SIGSTOP);
measured is which other parts and wardens run 10 s later, and which old processes after the next
`up`; the fault is one that still runs, or a shop that does not open again.
"""

import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psutil

from roadbike.local.supervisor import warden
from tests.faults.outcome import Outcome, run, say
from tests.faults.people import anybody, open_shop, process, seen_within
from tests.system.real_shop import Shop

HUNG: Final = ("mypage", "nats")
END_SECONDS: Final = 10
WARDEN: Final = Path(warden.__file__).name


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    with open_shop() as shop:
        family = shop.processes()
        hung = [process(shop, part) for part in HUNG]
        others = [each for each in (*parts(shop), *wardens(family)) if each not in hung]
        try:
            for each in hung:
                each.send_signal(signal.SIGSTOP)
            process(shop, "supervisor").send_signal(signal.SIGKILL)
            seen_within(lambda: not alive(others), END_SECONDS)
            left = alive(others)
            say(f"{END_SECONDS} s later, of {len(others)} that do not hang: {names(left)} left")
            reopened = opens_again(shop)
            remaining = alive(family)
            say(f"open again: {reopened}; of the old processes {names(remaining)} are left")
        finally:
            for each in alive(family):
                each.kill()
    text = f"{len(left)} processes left, {len(remaining)} after the next up, open: {reopened}"
    return Outcome(bool(left or remaining) or not reopened, text)


def parts(shop: Shop) -> list[psutil.Process]:
    return [process(shop, part) for part in shop.pids]


def wardens(family: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Return the processes that watch PostgreSQL, NATS and the gateway."""
    return [each for each in family if any(WARDEN in word for word in each.cmdline())]


def opens_again(shop: Shop) -> bool:
    done = shop.up()
    if done.code:
        say(done.out + done.err)
        return False
    return anybody(shop).ask("GET", "/stocks").status == 200


def alive(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    return [each for each in processes if each.is_running() and status(each) != "zombie"]


def status(process: psutil.Process) -> str:
    try:
        return str(process.status())
    except psutil.NoSuchProcess:
        return "zombie"


def names(processes: Sequence[psutil.Process]) -> str:
    return ", ".join(str(each.pid) for each in processes) or "not one"


if __name__ == "__main__":
    raise SystemExit(main())
