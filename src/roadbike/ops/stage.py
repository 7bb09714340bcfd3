"""The shop that `roadbike demo` plays on, and what its people can do there."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from rich.console import Console

from roadbike.contracts.statuses import DeliveryStatus, PaymentStatus
from roadbike.local.errors import CommandError
from roadbike.ops.people import Answer, Person, until

PRICE: Final = 3_300_000  # KRW
SOON_SECONDS: Final = 5.0
ADDRESS: Final = "경기도 성남시 분당구 야탑로 81"

Switch = Callable[[str], Awaitable[None]]
Databases = Callable[[], Awaitable[dict[str, str]]]


@dataclass(kw_only=True)
class Stage:
    """Who plays, on which shop. stop and start: how a service is taken down and brought back."""

    buyer: Person
    admin: Person
    stop: Switch
    start: Switch
    databases: Databases
    console: Console
    bike_id: int = 0
    delivered: str = ""  # the reservation whose bike arrives …
    cancelled: str = ""  # … and the one that is cancelled

    async def add_bike(self, units: int) -> Answer:
        bike = {"bikeNm": "데모 로드 54", "price": PRICE, "stockQty": units, "brand": "데모"}
        return await self.admin.ask("POST", "/stocks", bike, wanted=201)

    async def withdraw(self, bike_id: int) -> None:
        at = f"/stocks/{bike_id}"
        found = await self.admin.ask("GET", at, wanted=200)
        await self.admin.ask("DELETE", at, wanted=204, If_Match=found.etag or "")

    async def ask_to_reserve(self, wanted: int | None = None) -> Answer:
        body = {"bikeId": self.bike_id, "price": PRICE, "addrNm": ADDRESS}
        return await self.buyer.ask("POST", "/reservations", body, wanted=wanted)

    async def reserve(self) -> str:
        """Reserve, coming back as long as the shop asks to (a new bike, a breaker that is open)."""

        def is_made(answer: Answer) -> bool:
            return answer.status == HTTPStatus.CREATED

        made = await until(self.ask_to_reserve, is_made, "the bike is reserved", 15)
        reserve_id: str = made.body["reserveId"]
        return reserve_id

    async def pay(self, reserve_id: str) -> Answer:
        at = f"/payments/{(await self.payment_of(reserve_id))['payId']}"
        return await self.buyer.ask("PATCH", at, {"payStatus": PaymentStatus.PAID}, wanted=200)

    async def payment_of(self, reserve_id: str) -> Any:
        found = await self.buyer.get(f"/payments?reserveId={reserve_id}")
        (payment,) = found["_embedded"]["payments"]
        return payment

    async def cancel(self, reserve_id: str) -> Answer:
        return await self.buyer.ask("DELETE", f"/reservations/{reserve_id}", wanted=200)

    async def move_delivery(self, reserve_id: str, to: DeliveryStatus, **more: str) -> None:
        found = await self.admin.get(f"/deliveries?reserveId={reserve_id}")
        (delivery,) = found["_embedded"]["deliveries"]
        at = f"/deliveries/{delivery['deliveryId']}"
        await self.admin.ask("PATCH", at, {"deliveryStatus": to, **more}, wanted=200)

    async def my_page(self, reserve_id: str) -> Any:
        return await self.buyer.get(f"/myPages/{reserve_id}")

    async def follow(self, reserve_id: str, **wanted: str) -> Any:
        """Wait until my page shows it."""

        async def look() -> Any:
            return (await self.buyer.ask("GET", f"/myPages/{reserve_id}")).body

        def is_right(page: Any) -> bool:
            return all(page.get(name) == value for name, value in wanted.items())

        return await until(look, is_right, f"my page shows {wanted}", SOON_SECONDS)

    async def count_reservations(self) -> int:
        found = await self.buyer.get("/reservations?size=1")
        total: int = found["page"]["totalElements"]
        return total

    @asynccontextmanager
    async def without(self, service: str) -> AsyncIterator[None]:
        """Play a scene while the service is down. Raises CommandError when it still answers."""
        await self.stop(service)
        try:
            answer = await self.admin.ask("GET", f"/{service}s")
            if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise CommandError(f"{service} was taken down and still answers")
            yield
        finally:
            await self.start(service)

    def show(self, title: str, page: Any) -> None:
        own = {name: value for name, value in page.items() if name != "_links"}
        self.console.print(f"\n{title}", style="bold")
        self.console.print_json(json.dumps(own, ensure_ascii=False))
