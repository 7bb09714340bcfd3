"""The shop that `roadbike demo` uses, and what its buyer and its staff do there."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from rich.console import Console

from roadbike.contracts.statuses import DeliveryStatus, PaymentStatus
from roadbike.local.texts import say
from roadbike.ops.outages import ServiceAction, take_down
from roadbike.ops.people import Person, Response, wait_until

PRICE: Final = 3_300_000  # KRW
RESERVE_TIMEOUT_SECONDS: Final = 15.0
MY_PAGE_TIMEOUT_SECONDS: Final = 5.0
RECIPIENT: Final = {
    "userNm": "김데모",
    "telNo": "010-0000-0081",
    "zipCd": "13497",
    "addrNm": "경기도 성남시 분당구 야탑로 81",
}

Databases = Callable[[], Awaitable[dict[str, str]]]


@dataclass(kw_only=True)
class Stage:
    """What the checks of the demo share.

    stop, start: take a service down and bring it back.
    databases: returns the SQL dialect of each service.
    bike_id: the bike that the demo sells. delivered, cancelled: the two reservations of it that
    later checks continue with.
    """

    buyer: Person
    admin: Person
    stop: ServiceAction
    start: ServiceAction
    databases: Databases
    console: Console
    bike_id: int = 0
    delivered: str = ""
    cancelled: str = ""

    async def add_bike(self, units: int) -> Response:
        bike = {"bikeNm": "데모 로드 54", "price": PRICE, "stockQty": units, "brand": "데모"}
        return await self.admin.ask("POST", "/stocks", bike, wanted=201)

    async def withdraw(self, bike_id: int) -> None:
        path = f"/stocks/{bike_id}"
        found = await self.admin.ask("GET", path, wanted=200)
        await self.admin.ask("DELETE", path, wanted=204, If_Match=found.etag or "")

    async def ask_to_reserve(self, wanted: int | None = None) -> Response:
        body = {"bikeId": self.bike_id, "price": PRICE, **RECIPIENT}
        return await self.buyer.ask("POST", "/reservations", body, wanted=wanted)

    async def reserve(self) -> str:
        """Reserve the bike and return the id of the reservation.

        The request is repeated while it is refused: reservation may not know a new bike yet, or its
        circuit breaker may still be open.
        """

        def is_made(response: Response) -> bool:
            return response.status == HTTPStatus.CREATED

        made = await wait_until(
            self.ask_to_reserve, is_made, say("demo-bike-reserved"), RESERVE_TIMEOUT_SECONDS
        )
        reserve_id: str = made.body["reserveId"]
        return reserve_id

    async def pay(self, reserve_id: str) -> Response:
        path = f"/payments/{(await self.payment_of(reserve_id))['payId']}"
        return await self.buyer.ask("PATCH", path, {"payStatus": PaymentStatus.PAID}, wanted=200)

    async def payment_of(self, reserve_id: str) -> Any:
        found = await self.buyer.get(f"/payments?reserveId={reserve_id}")
        (payment,) = found["_embedded"]["payments"]
        return payment

    async def cancel(self, reserve_id: str) -> Response:
        return await self.buyer.ask("DELETE", f"/reservations/{reserve_id}", wanted=200)

    async def move_delivery(self, reserve_id: str, to: DeliveryStatus, **more: str) -> None:
        found = await self.admin.get(f"/deliveries?reserveId={reserve_id}")
        (delivery,) = found["_embedded"]["deliveries"]
        path = f"/deliveries/{delivery['deliveryId']}"
        await self.admin.ask("PATCH", path, {"deliveryStatus": to, **more}, wanted=200)

    async def my_page(self, reserve_id: str) -> Any:
        return await self.buyer.get(f"/myPages/{reserve_id}")

    async def my_page_with(self, reserve_id: str, **wanted: str) -> Any:
        """Wait until my page shows these values, and return it."""

        async def look() -> Any:
            return (await self.buyer.ask("GET", f"/myPages/{reserve_id}")).body

        def is_right(page: Any) -> bool:
            return all(page.get(name) == value for name, value in wanted.items())

        what = say("demo-page-shows", wanted=wanted)
        return await wait_until(look, is_right, what, MY_PAGE_TIMEOUT_SECONDS)

    async def count_reservations(self) -> int:
        found = await self.buyer.get("/reservations?size=1")
        total: int = found["page"]["totalElements"]
        return total

    @asynccontextmanager
    async def without(self, service: str) -> AsyncIterator[None]:
        """Take the service down for the block. Raises CommandError when it still answers."""
        try:
            await take_down(service, self.stop, self.admin)
            yield
        finally:
            await self.start(service)

    def show(self, title: str, page: Any) -> None:
        fields = {name: value for name, value in page.items() if name != "_links"}
        self.console.print(f"\n{title}", style="bold")
        self.console.print_json(json.dumps(fields, ensure_ascii=False))
