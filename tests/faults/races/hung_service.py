"""Races 14: stock hangs (SIGSTOP) in the shop of one machine; measured is what callers get through
the gateway for 40 s and whether another process takes its place; the fault is that the same
process still hangs and the callers are still refused.
"""

import signal
import time
from typing import Final

from tests.faults.outcome import Outcome, run, say
from tests.faults.people import anybody, open_shop, process

SECONDS: Final = 40


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    with open_shop() as shop:
        person, hung = anybody(shop), process(shop, "stock")
        hung.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        answers: list[tuple[float, int, float]] = []
        while time.monotonic() - began < SECONDS:
            asked = time.monotonic()
            status = person.ask("GET", "/stocks").status
            answers.append((asked - began, status, time.monotonic() - asked))
            time.sleep(0.5)
        for at, status, waited in (answers[0], answers[1], answers[-1]):
            say(f"asked after {at:.1f} s: {status} after {waited:.1f} s")
        same = process(shop, "stock") == hung
    last = answers[-1][1]
    text = f"after {SECONDS} s {'the same' if same else 'another'} process, the answer is {last}"
    return Outcome(last != 200, text)


if __name__ == "__main__":
    raise SystemExit(main())
