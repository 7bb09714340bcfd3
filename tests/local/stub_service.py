"""A service that only answers: stands in for a real one in tests of the machinery around it."""

from collections.abc import Mapping
from typing import Any

import msgspec
import uvicorn

GAUGES = ("unsent", "lag", "parked", "dead", "pending")


def serve(*, app_module: str, environ: Mapping[str, str]) -> None:
    uvicorn.run(
        Stub(app_module),
        host=environ["ROADBIKE_HOST"],
        port=int(environ["ROADBIKE_PORT"]),
        log_level="warning",
    )


class Stub:
    def __init__(self, app_module: str) -> None:
        self._name = app_module.split(".")[1]

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        seen = {"service": self._name, "path": scope["path"], "method": scope["method"]}
        if scope["path"] == "/internal/status":
            seen |= {"database": "postgresql", "ready": True, **dict.fromkeys(GAUGES, 0)}
        body = msgspec.json.encode(seen)
        headers = [(b"content-type", b"application/json"), (b"x-service", self._name.encode())]
        status = 503 if scope["path"].endswith("/busy") else 200
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def fail(**_: Any) -> None:
    raise SystemExit("it cannot start: the reason is written here")


def migrate(*, package: str, database_url: str) -> None:
    """Nothing is kept."""
