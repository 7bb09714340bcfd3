"""Customers and staff who do not give up: they come back when asked to, and when a line breaks."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import aiohttp

from roadbike.contracts.statuses import DeliveryStatus, PaymentStatus
from tests.system.shop_client import Answer, Person, until

AGAIN_SECONDS: Final = 0.3  # after a broken line, which names no time to come back; between looks
PATIENCE_SECONDS: Final = 90.0


async def insist(
    person: Person, method: str, path: str, body: object = None, **headers: str
) -> Answer:
    """The first answer that is not "come back later"."""
    seen: Counter[str] = Counter()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                wait = AGAIN_SECONDS
                try:
                    answer = await person.ask(method, path, body, **headers)
                except (aiohttp.ClientError, TimeoutError) as error:
                    seen[repr(error)] += 1  # nobody knows what became of it: it is asked again
                else:
                    if "Retry-After" not in answer.headers:
                        return answer
                    wait = float(answer.headers["Retry-After"])
                    seen[f"{answer.status} {answer.body['type']} {wait:g} s"] += 1
                await asyncio.sleep(wait)
    except TimeoutError:
        raise AssertionError(f"{method} {path}: for {PATIENCE_SECONDS} s only {seen}") from None


async def look_up(person: Person, path: str) -> Any:
    answer = await insist(person, "GET", path)
    assert answer.status == 200, (path, answer)
    return answer.body


@dataclass
class Order:
    """One purchase of somebody, made with one key however often it is asked for."""

    buyer: Person
    reserve_id: str

    async def pay(self, **headers: str) -> str:
        """The status of the payment once the provider's answer is known."""
        at = f"/payments/{(await self.payment())['payId']}"
        answer = await insist(self.buyer, "PATCH", at, {"payStatus": PaymentStatus.PAID}, **headers)
        assert answer.status in {200, 202, 402, 409}, answer

        def is_known(payment: Any) -> bool:
            return bool(payment["payStatus"] != PaymentStatus.CONFIRMING)

        known = await until(
            self.payment, is_known, "the payment is known", PATIENCE_SECONDS, pause=AGAIN_SECONDS
        )
        status: str = known["payStatus"]
        return status

    async def pay_surely(self) -> None:
        """Pay again when payment died before it had asked the provider: it is due again."""
        while await self.pay() != PaymentStatus.PAID:
            pass

    async def cancel(self) -> Answer:
        return await insist(self.buyer, "DELETE", f"/reservations/{self.reserve_id}")

    async def deliver(self, admin: Person, *steps: DeliveryStatus) -> None:
        """Staff move the parcel, once the shop says that it may start."""

        async def look() -> Any:
            found = await look_up(admin, f"/deliveries?reserveId={self.reserve_id}")
            return found["_embedded"]["deliveries"]

        def may_start(found: Any) -> bool:
            return any("start" in delivery["_links"] for delivery in found)

        (delivery,) = await until(
            look, may_start, "it may start", PATIENCE_SECONDS, pause=AGAIN_SECONDS
        )
        at = f"/deliveries/{delivery['deliveryId']}"
        for step in steps:
            answer = await insist(admin, "PATCH", at, {"deliveryStatus": step})
            assert answer.status == 200, answer

    async def payment(self) -> Any:
        found = await look_up(self.buyer, f"/payments?reserveId={self.reserve_id}")
        (payment,) = found["_embedded"]["payments"]
        return payment


async def order(buyer: Person, bike_id: int) -> Order:
    key = uuid4().hex
    answer = await insist(buyer, "POST", "/reservations", {"bikeId": bike_id}, Idempotency_Key=key)
    assert answer.status == 201, answer
    return Order(buyer, answer.body["reserveId"])
