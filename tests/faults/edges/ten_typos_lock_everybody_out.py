"""Edges 02: ten wrong passwords come through the gateway from one address; measured is a log-in
with the right password from another address; the fault is its refusal.
"""

from typing import Final
from uuid import uuid4

from tests.faults.outcome import Checks, Outcome, run
from tests.faults.people import Person, Response, anybody, ok, open_shop

CARELESS, CAREFUL = "127.0.0.2", "127.0.0.3"  # addresses of the loopback: two customers
PASSWORD: Final = "a-rare-passphrase-of-mine"


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    checks = Checks()
    with open_shop() as shop:
        person, name = anybody(shop), f"g{uuid4().hex[:10]}"
        account = {"userId": name, "password": PASSWORD, "userNm": "Good"}
        ok(person.ask("POST", "/accounts", account), 201)
        before = log_in(person, name, PASSWORD, CAREFUL).status
        checks.check(f"the right password from {CAREFUL}", before, right=before == 200)
        for number in range(10):
            log_in(person, f"typo{number}-{name}", "wrong-password", CARELESS)
        after = log_in(person, name, PASSWORD, CAREFUL)
        checks.check(
            f"the right password from {CAREFUL} after ten wrong ones from {CARELESS}",
            (after.status, after.headers.get("retry-after"), after.type),
            right=after.status == 200,
        )
    return checks.outcome


def log_in(person: Person, user: str, password: str, source: str) -> Response:
    login = {"userId": user, "password": password}
    return person.ask("POST", "/accounts/tokens", login, source=source)


if __name__ == "__main__":
    raise SystemExit(main())
