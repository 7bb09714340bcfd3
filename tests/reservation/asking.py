"""A request of a visitor, with any method, body and headers."""

import json
from typing import Any

from httpx import Response

from tests.at_work import Visitor
from tests.flows.shop import until


async def ask(visitor: Visitor, what: str, body: object = None, **headers: str) -> Response:
    """`await ask(kim, "POST /reservations", {...})`; a body of bytes is sent as it is."""
    method, path = what.split(" ", 1)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    content: bytes | None = None
    if body is not None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"Content-Type": "application/json"} | given
    return await visitor.client.request(
        method, path, content=content, headers={**visitor.headers, **given}
    )


async def answered(visitor: Visitor, body: object, **headers: str) -> Response:
    """What becomes of an order: a busy machine may say 503, and 409 while it is in progress."""

    async def answer() -> Response | None:
        told = await ask(visitor, "POST /reservations", body, **headers)
        busy = told.status_code == 503 or "/problems/in-progress" in told.text
        return None if busy else told

    return await until(answer, every=0.2)


def pointers(answer: Response) -> list[str]:
    """Which members of the body, or which parameters, a 422 names."""
    return [fault.get("pointer", fault.get("parameter")) for fault in answer.json()["errors"]]


def without_trace(answer: Response) -> dict[str, Any]:
    """A problem document as it would be for anybody else."""
    told: dict[str, Any] = {**answer.json()}
    del told["traceId"], told["instance"]
    return told
