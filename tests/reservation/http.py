"""HTTP requests of a person, and what tests look at in the responses."""

import json
from typing import Any

from httpx import Response

from tests.flows.in_process_shop import until
from tests.service_harness import ApiClient


async def ask(person: ApiClient, what: str, body: object = None, **headers: str) -> Response:
    """Send `await ask(kim, "POST /reservations", {...})`; a body of bytes is sent as it is."""
    method, path = what.split(" ", 1)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    content: bytes | None = None
    if body is not None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"Content-Type": "application/json"} | given
    return await person.client.request(
        method, path, content=content, headers={**person.headers, **given}, auth=person.auth
    )


async def post_reservation(person: ApiClient, body: object, **headers: str) -> Response:
    """Reserve; repeat while a busy machine answers 503, or 409 because it is in progress."""

    async def final_response() -> Response | None:
        response = await ask(person, "POST /reservations", body, **headers)
        busy = response.status_code == 503 or "/problems/in-progress" in response.text
        return None if busy else response

    return await until(final_response, every=0.2)


def pointers(response: Response) -> list[str]:
    """Return which members of the body, or which parameters, a 422 names."""
    return [fault.get("pointer", fault.get("parameter")) for fault in response.json()["errors"]]


def without_trace(response: Response) -> dict[str, Any]:
    """Return a problem document without what differs between two requests."""
    problem: dict[str, Any] = {**response.json()}
    del problem["traceId"], problem["instance"]
    return problem
