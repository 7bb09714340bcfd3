"""Requests to the payment service over HTTP."""

from typing import Any
from uuid import UUID

from httpx import Response

from tests.reservation.http import ask, pointers, without_trace
from tests.service_harness import ApiClient

__all__ = ["OPEN_BODY", "ask", "open_payment", "payments", "pointers", "without_trace"]

OPEN_BODY = {"bikeId": 1, "userId": "alice", "price": 5_100_000}


async def open_payment(caller: ApiClient, reservation_id: UUID, **changes: object) -> Response:
    """Open a payment as the reservation service does. changes: other members of the body."""
    return await ask(caller, f"PUT /internal/payments/{reservation_id}", OPEN_BODY | changes)


async def payments(person: ApiClient, query: str = "") -> list[dict[str, Any]]:
    """Return the payments that the person is shown, all on one page."""
    answer = await ask(person, f"GET /payments{query}")
    found: list[dict[str, Any]] = answer.json()["_embedded"]["payments"]
    assert answer.json()["page"]["totalElements"] == len(found)
    return found
