"""Races, found sound: PostgreSQL, NATS and the services of a shop are killed (kill -9) and stopped
(SIGSTOP) for `--seconds` while bikes are reserved, paid, cancelled and delivered; measured are
the books of all services afterwards; the fault is one broken rule.
"""

from tests.faults.outcome import Outcome, run
from tests.faults.random_faults import under_random_faults


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    return under_random_faults(doubled=False)


if __name__ == "__main__":
    raise SystemExit(main())
