"""Races, found sound: the same as chaos with two replicas of stock, reservation, payment and mypage
(`roadbike up --replicas`), any of which may be killed or stopped; measured are the books of all
services afterwards; the fault is one broken rule.
"""

from tests.faults.outcome import Outcome, run
from tests.faults.random_faults import under_random_faults


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    return under_random_faults(doubled=True)


if __name__ == "__main__":
    raise SystemExit(main())
