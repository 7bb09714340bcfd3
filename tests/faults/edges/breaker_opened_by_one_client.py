"""Edges 01: a buyer sends 30 requests with a short X-Timeout-Ms while payment takes 300 ms to open;
measured is what another buyer gets afterwards; the fault is any refusal of that other buyer.
"""

from threading import Thread
from typing import Final

from tests.faults.outcome import Checks, Outcome, run
from tests.faults.people import Person, buyer, new_bike, open_shop

SLOW: Final = {"ROADBIKE_OPEN_DELAY_MIN_MS": "300", "ROADBIKE_OPEN_DELAY_MAX_MS": "300"}
IMPATIENT: Final = "280"  # milliseconds; payment is healthy, its limit is 610 ms


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    checks = Checks()
    with open_shop(SLOW) as shop:
        number = new_bike(shop, units=500)
        ordinary, impatient = buyer(shop, "ordinary"), buyer(shop, "impatient")
        for _ in range(3):
            ordinary.reserved(number)  # the first call after the start may be slow
        for _ in range(3):
            ten_at_once(impatient, number)
        after = [ordinary.reserve(number) for _ in range(3)]
        checks.check(
            "an ordinary buyer reserves after 30 impatient requests of somebody else",
            [(each.status, each.headers.get("retry-after")) for each in after],
            right=all(each.status == 201 for each in after),
        )
    return checks.outcome


def ten_at_once(person: Person, number: int) -> None:
    crowd = [
        Thread(target=person.reserve, args=(number,), kwargs={"X_Timeout_Ms": IMPATIENT})
        for _ in range(10)
    ]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join()


if __name__ == "__main__":
    raise SystemExit(main())
