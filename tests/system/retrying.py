"""Clients that retry: when `Retry-After` asks for it, and when the connection breaks."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import aiohttp

from roadbike.contracts.statuses import DeliveryStatus, PaymentStatus
from tests.recipient import RECIPIENT
from tests.system.shop_client import Person, Response, until

PAUSE_SECONDS: Final = 0.3  # after a broken connection, and between looks
TIMEOUT_SECONDS: Final = 90.0


async def request_with_retries(
    person: Person, method: str, path: str, body: object = None, **headers: str
) -> Response:
    """Return the first response without `Retry-After`. Raises AssertionError after 90 seconds."""
    seen: Counter[str] = Counter()
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while True:
                wait = PAUSE_SECONDS
                try:
                    response = await person.request(method, path, body, **headers)
                except (aiohttp.ClientError, TimeoutError) as error:
                    seen[repr(error)] += 1  # it may have been carried out: try again
                else:
                    if "Retry-After" not in response.headers:
                        return response
                    wait = float(response.headers["Retry-After"])
                    seen[f"{response.status} {response.body['type']} {wait:g} s"] += 1
                await asyncio.sleep(wait)
    except TimeoutError:
        raise AssertionError(f"{method} {path}: for {TIMEOUT_SECONDS} s only {seen}") from None


async def get_with_retries(person: Person, path: str) -> Any:
    response = await request_with_retries(person, "GET", path)
    assert response.status == 200, (path, response)
    return response.body


@dataclass
class Order:
    """One purchase of a buyer, with the requests that continue it."""

    buyer: Person
    reserve_id: str

    async def pay(self, **headers: str) -> str:
        """Pay, wait until the provider's answer is known, and return the payment's status."""
        path = f"/payments/{(await self.payment())['payId']}"
        response = await request_with_retries(
            self.buyer, "PATCH", path, {"payStatus": PaymentStatus.PAID}, **headers
        )
        assert response.status in {200, 202, 402, 409}, response

        def is_known(payment: Any) -> bool:
            return bool(payment["payStatus"] != PaymentStatus.CONFIRMING)

        known = await until(
            self.payment, is_known, "the payment is known", TIMEOUT_SECONDS, pause=PAUSE_SECONDS
        )
        status: str = known["payStatus"]
        return status

    async def pay_until_paid(self) -> None:
        """Pay again if payment was killed before it called the provider: it is due again."""
        while await self.pay() != PaymentStatus.PAID:
            pass

    async def cancel(self) -> Response:
        return await request_with_retries(self.buyer, "DELETE", f"/reservations/{self.reserve_id}")

    async def deliver(self, admin: Person, *steps: DeliveryStatus) -> None:
        """Move the delivery as staff, once it may start."""

        async def look() -> Any:
            found = await get_with_retries(admin, f"/deliveries?reserveId={self.reserve_id}")
            return found["_embedded"]["deliveries"]

        def may_start(found: Any) -> bool:
            return any("start" in delivery["_links"] for delivery in found)

        (delivery,) = await until(
            look, may_start, "it may start", TIMEOUT_SECONDS, pause=PAUSE_SECONDS
        )
        path = f"/deliveries/{delivery['deliveryId']}"
        for step in steps:
            response = await request_with_retries(admin, "PATCH", path, {"deliveryStatus": step})
            assert response.status == 200, response

    async def payment(self) -> Any:
        found = await get_with_retries(self.buyer, f"/payments?reserveId={self.reserve_id}")
        (payment,) = found["_embedded"]["payments"]
        return payment


async def order(buyer: Person, bike_id: int) -> Order:
    """Reserve with one key, until it succeeds."""
    key = uuid4().hex
    response = await request_with_retries(
        buyer, "POST", "/reservations", {"bikeId": bike_id, **RECIPIENT}, Idempotency_Key=key
    )
    assert response.status == 201, response
    return Order(buyer, response.body["reserveId"])
