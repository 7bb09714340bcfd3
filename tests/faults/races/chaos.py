"""Races, found sound: PostgreSQL, NATS and the services of a shop are killed (kill -9) and stopped
(SIGSTOP) for `--seconds` while bikes are reserved, paid, cancelled and delivered; measured are
the books of all services afterwards; the fault is one broken rule.
"""

from tests.faults.outcome import Outcome, run
from tests.faults.storm import storm


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    return storm(doubled=False)


if __name__ == "__main__":
    raise SystemExit(main())
