"""Payments asked for over HTTP."""

from typing import Any
from uuid import UUID

from httpx import Response

from tests.reservation.http import ask
from tests.service_harness import ApiClient

TERMS = {"bikeId": 1, "userId": "alice", "price": 5_100_000}


async def open_(caller: ApiClient, reservation_id: UUID, **more: object) -> Response:
    return await ask(caller, f"PUT /internal/payments/{reservation_id}", TERMS | more)


async def payments(visitor: ApiClient, query: str = "") -> list[dict[str, Any]]:
    answer = await ask(visitor, f"GET /payments{query}")
    found: list[dict[str, Any]] = answer.json()["_embedded"]["payments"]
    assert answer.json()["page"]["totalElements"] == len(found)
    return found
