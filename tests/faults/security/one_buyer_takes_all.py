"""A6: one buyer reserves all 20 units of a bike without paying, cancels three and reserves them
again; measured is how many reservations are accepted and what another buyer gets; the fault is
that all 20 are held by one buyer.
"""

from collections import Counter
from typing import Final

from tests.faults.outcome import Outcome, run, say
from tests.faults.people import buyer, new_bike, open_shop, seen_within

UNITS: Final = 20
LIMIT: Final = {"ROADBIKE_MAX_OPEN_RESERVATIONS": "5"}  # off on one machine, on in production


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    with open_shop(LIMIT) as shop:
        number = new_bike(shop, UNITS)
        hoarder, other = buyer(shop, "hoarder"), buyer(shop, "other")
        answers = [hoarder.reserve(number) for _ in range(UNITS + 1)]
        made = [each.body["reserveId"] for each in answers if each.status == 201]
        say(f"one buyer: {dict(Counter(each.status for each in answers))}")
        refused = other.reserve(number)
        say(f"another buyer: {refused.status} {refused.type}")
        for reserve_id in made[:3]:
            hoarder.ask("DELETE", f"/reservations/{reserve_id}")
        again = [
            seen_within(lambda: hoarder.reserve(number).status == 201, 5, pause=0.5)
            for _ in made[:3]
        ]
        say(f"three cancelled and reserved again: {again}")
    text = f"{len(made)} of {UNITS} units held by one buyer, unpaid"
    return Outcome(len(made) == UNITS, text)


if __name__ == "__main__":
    raise SystemExit(main())
