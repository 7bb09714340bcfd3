"""Measure what the token of an internal call costs: `python -m tools.token_cost`."""

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Final

from roadbike.kit.auth import ServiceTokens, SigningKey, new_signing_key

ROUNDS: Final = 15
CALLS: Final = 400  # in each round
PATH: Final = "/internal/payments/01999999-9999-7999-8999-999999999999"
BODY: Final = json.dumps({"bikeId": 1, "userId": "buyer", "price": 5_100_000}).encode()


def main() -> int:
    """Print the median of all rounds in microseconds of CPU time for each step."""
    key = new_signing_key("reservation/cost")
    known = json.dumps({"keys": [SigningKey.from_jwk(key).public_jwk()]})
    reservation = ServiceTokens("reservation", key, '{"keys": []}')
    payment = ServiceTokens("payment", new_signing_key("payment/cost"), known)
    tokens: list[str] = []

    def mint() -> None:
        tokens.append(reservation.mint("payment", "PUT", PATH, BODY))

    def verify() -> None:
        payment.accept(payment.read(tokens.pop(), "PUT", PATH), BODY)

    minted, verified = zip(*[(_cost(mint), _cost(verify)) for _ in range(ROUNDS)], strict=True)
    for step, costs in (("mint", minted), ("verify", verified)):
        sys.stdout.write(f"{step}: {statistics.median(costs):.0f} µs\n")
    sys.stdout.write(f"one token: {len(reservation.mint('payment', 'PUT', PATH, BODY))} bytes\n")
    return 0


def _cost(step: Callable[[], None]) -> float:
    began = time.process_time()
    for _ in range(CALLS):
        step()
    return (time.process_time() - began) / CALLS * 1e6


if __name__ == "__main__":
    sys.exit(main())
