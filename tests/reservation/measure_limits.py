"""Measure what limits and tokens cost a reservation: python -m tests.reservation.measure_limits."""

# ruff: noqa: T201  it prints its results

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from statistics import median
from typing import Any, Final

import psutil
from httpx import ASGITransport, AsyncClient

from roadbike.kit.auth import ServiceTokens, SigningKey, new_signing_key
from roadbike.kit.process.access_tokens import token_verifier
from roadbike.kit.process.internal_tokens import service_tokens
from roadbike.kit.process.secret import Secret
from roadbike.kit.translations import load_translations
from roadbike.kit.web import http_app
from roadbike.reservation import app
from roadbike.serve import SHOP
from tests.faults.databases import new_database
from tests.reservation.builders import bike_changed
from tests.reservation.fake_payment import Asked, Writer, open_fake_payment, opens
from tests.reservation.service_harness import ReservationHarness
from tests.service_harness import ApiClient, api_client, settings

ROUNDS: Final = 5
RESERVATIONS: Final = 90  # in each round
TRIES: Final = 10  # of one round, in which a busy machine may be too slow for a deadline
AT_ONCE: Final = 3  # each by a buyer of its own
NEVER_REACHED: Final = 1_000_000
KEY: Final = new_signing_key("reservation/1")
KNOWN: Final = json.dumps({"keys": [SigningKey.from_jwk(KEY).public_jwk()]})
VARIANTS: Final = {  # by name: whether limits, whether tokens
    "without both": (False, False),
    "with limits": (True, False),
    "with tokens": (False, True),
    "with both": (True, True),
}


class Unsigned(ServiceTokens):
    """Puts the same text into each call, as if internal calls needed no token."""

    def mint(self, *_: object, **__: object) -> str:
        return "none"


async def main() -> None:
    costs: dict[str, list[tuple[float, float]]] = {name: [] for name in VARIANTS}
    async with new_database("roadbike.reservation") as url, AsyncExitStack() as stack:
        buyers = {
            name: await stack.enter_async_context(opened(url, limits=limits, tokens=tokens))
            for name, (limits, tokens) in VARIANTS.items()
        }
        for number in range(ROUNDS + 1):
            for name, those in buyers.items():
                cost = await cost_of(those)
                if number:  # the first round warms up
                    costs[name].append(cost)
    for name, found in costs.items():
        own, database = (median(column) for column in zip(*found, strict=True))
        print(f"{name}: {own:.0f} µs here (service, client, payment), {database:.0f} µs in the db")


@asynccontextmanager
async def opened(url: str, *, limits: bool, tokens: bool) -> AsyncIterator[list[ApiClient]]:
    """Run reservation's app with a payment service that verifies tokens, or does not."""
    payment_tokens = ServiceTokens("payment", new_signing_key("payment/1"), KNOWN)

    async def verify_and_open(asked: Asked, writer: Writer) -> None:
        if tokens:
            token = asked.headers["authorization"].removeprefix("Bearer ")
            payment_tokens.accept(payment_tokens.read(token, "PUT", asked.path), asked.body)
        await opens(asked, writer)

    async with AsyncExitStack() as stack:
        payment = await stack.enter_async_context(open_fake_payment(verify_and_open))
        chosen: dict[str, Any] = settings("reservation", url)
        chosen |= {"payment_url": payment.url, "service_key": Secret(KEY)}
        limit = NEVER_REACHED if limits else 0
        service = app.build(app.Settings(**chosen, max_open_reservations=limit))
        stack.push_async_callback(service.db.close)
        for resource in service.resources:
            if not tokens:
                resource._tokens = Unsigned("reservation", KEY, KNOWN)  # type: ignore[attr-defined]  # noqa: SLF001 the part that is left out
            await stack.enter_async_context(resource)
        await ReservationHarness(service).consume(bike_changed(free=NEVER_REACHED, free_seq=2))
        served: Any = http_app(
            title=service.name,
            routes=service.routes,
            tokens=token_verifier(service, SHOP),
            services=service_tokens(service.name, service.settings),
            translations=load_translations("roadbike.kit", "roadbike.contracts"),
            status=no_figures,
            ready=lambda: True,
            writes_per_minute=limit,
        )
        client = AsyncClient(transport=ASGITransport(served), base_url="http://shop.invalid")
        yield [api_client(client, f"buyer {number}", "buyer") for number in range(AT_ONCE)]


async def no_figures() -> dict[str, object]:
    return {}


async def cost_of(buyers: list[ApiClient]) -> tuple[float, float]:
    """Return microseconds of CPU time for each reservation: of this process, of the database.

    A round with a reservation that was not made does not count, and is repeated.
    """
    for _ in range(TRIES):
        began, database = time.process_time(), database_seconds()
        made = await asyncio.gather(*[reserve(one, RESERVATIONS // AT_ONCE) for one in buyers])
        own, spent = time.process_time() - began, database_seconds() - database
        if all(made):
            return own / RESERVATIONS * 1e6, spent / RESERVATIONS * 1e6
    raise SystemExit(f"no round of {TRIES} without a refused reservation")


async def reserve(buyer: ApiClient, times: int) -> bool:
    """Return whether all reservations were made."""
    for _ in range(times):
        answer = await buyer.client.post(
            "/reservations", headers=dict(buyer.headers), json={"bikeId": 1}
        )
        if answer.status_code != HTTPStatus.CREATED:
            print(answer.text)
            return False
    return True


def database_seconds() -> float:
    return sum(
        sum(process.cpu_times()[:2]) for process in psutil.Process().children(recursive=True)
    )


if __name__ == "__main__":
    asyncio.run(main())
