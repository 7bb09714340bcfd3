"""A1: one anonymous request of at most 64 KiB is sent to account through the gateway, once with
many escaped quotes and once with many names of which one comes twice; measured are the CPU
seconds that account spends on it and how long its /livez waits; the fault is more than a
quarter of a CPU second for one request.
"""

import time
from threading import Thread
from typing import Final

from tests.faults.outcome import Outcome, run, say
from tests.faults.people import anybody, ok, open_shop, process
from tests.system.real_shop import Shop

PAIRS: Final = 16_000  # 32 KB; the limit of a body is 64 KiB
NAMES: Final = 8_000
MOST_CPU_SECONDS: Final = 0.25
LETTERS: Final = [chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"\\']


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    worst = 0.0
    with open_shop() as shop:
        for label, body in (("escaped quotes", quotes()), ("one name twice", names())):
            spent, waited, status = attack(shop, body)
            size = f"{len(body)} bytes of {label}"
            say(f"{size}: {status}, {spent:.2f} CPU seconds; /livez took {waited:.2f} s")
            worst = max(worst, spent)
    seen = worst > MOST_CPU_SECONDS
    return Outcome(seen, f"one anonymous request costs account {worst:.2f} CPU seconds")


def attack(shop: Shop, body: bytes) -> tuple[float, float, int]:
    """Send the body; return CPU seconds, seconds that /livez took meanwhile, and the status."""
    person, before = anybody(shop), cpu_seconds(shop)
    ok(person.ask("GET", "/livez", service="account"), 200)
    statuses: list[int] = []

    def send() -> None:
        statuses.append(person.ask("POST", "/accounts", raw=body, timeout=60).status)

    sender = Thread(target=send)
    sender.start()
    time.sleep(0.1)  # it is on its way when /livez is asked
    began = time.monotonic()
    ok(person.ask("GET", "/livez", service="account", timeout=60), 200)
    waited = time.monotonic() - began
    sender.join()
    return cpu_seconds(shop) - before, waited, statuses[0]


def cpu_seconds(shop: Shop) -> float:
    times = process(shop, "account").cpu_times()
    return float(times.user + times.system)


def quotes() -> bytes:
    """Return a body in which every quote may begin a string that does not end."""
    return b"[" * 21 + b'\\"' * PAIRS


def names() -> bytes:
    """Return an object with many different names, the last of them twice."""
    found = [first + second for first in LETTERS for second in LETTERS][:NAMES]
    members = ",".join(f'"{name}":0' for name in (*found, found[-1]))
    return f"{{{members}}}".encode()


if __name__ == "__main__":
    raise SystemExit(main())
