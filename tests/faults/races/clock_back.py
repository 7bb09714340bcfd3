"""Races 8: the clock of the machine is an hour ahead while reservation mints an internal token, and
is set right; measured is whether payment, restarted meanwhile, accepts what reservation shows
then; the fault is that it does not.
"""

import json
import time
from dataclasses import dataclass
from typing import Final

from roadbike.kit.auth import ServiceTokens, SigningKey, new_signing_key
from roadbike.kit.pure.refusals import Unauthenticated
from tests.faults.outcome import Outcome, run, say

HOUR: Final = 3600.0
PATH: Final = "/internal/payments/1"


@dataclass
class Clock:
    """A clock that is ahead by so many seconds."""

    ahead: float = 0.0

    def time(self) -> float:
        return time.time() + self.ahead


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    clock, key = Clock(ahead=HOUR), new_signing_key("reservation/x")
    known = json.dumps({"keys": [SigningKey.from_jwk(key).public_jwk()]})
    reservation = ServiceTokens("reservation", key, '{"keys": []}', clock=clock.time)
    before = reservation.mint("payment", "PUT", PATH)
    clock.ahead = 0.0
    after = reservation.mint("payment", "PUT", PATH)
    say(f"reservation shows the token that it minted an hour ahead: {after == before}")
    payment = ServiceTokens("payment", new_signing_key("payment/x"), known)
    try:
        payment.accept(payment.read(after, "PUT", PATH), b"")
    except Unauthenticated:
        return Outcome(seen=True, text="payment refuses the token until the clock has caught up")
    return Outcome(seen=False, text="payment accepts the token")


if __name__ == "__main__":
    raise SystemExit(main())
