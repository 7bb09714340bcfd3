"""A service that only answers: it stands for a real one in tests of what runs around it."""

from collections.abc import Mapping
from socket import socket
from typing import Any

import msgspec
import uvicorn

from roadbike.kit.process.status import ServiceStatus


def serve(*, app_module: str, environ: Mapping[str, str], listener: socket) -> None:
    assert listener.getsockname() == (environ["ROADBIKE_HOST"], int(environ["ROADBIKE_PORT"]))
    config = uvicorn.Config(StubService(app_module), log_level="warning")
    uvicorn.Server(config).run([listener])


class StubService:
    """Answers 200, but to paths that end in /busy 503, in /fails 500, in /too-many 429."""

    def __init__(self, app_module: str) -> None:
        self._name = app_module.split(".")[1]

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        seen = {
            "service": self._name,
            "path": scope["path"],
            "method": scope["method"],
            "headers": [
                [name.decode(), value.decode("latin-1")] for name, value in scope["headers"]
            ],
        }
        answer = self._status() if scope["path"] == "/internal/status" else seen
        headers = [(b"content-type", b"application/json"), (b"x-service", self._name.encode())]
        status = {"busy": 503, "fails": 500, "too-many": 429}.get(
            scope["path"].rpartition("/")[2], 200
        )
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": msgspec.json.encode(answer)})

    def _status(self) -> dict[str, Any]:
        return ServiceStatus(
            ready=True,
            service=self._name,
            database="postgresql",
            broker=True,
            lag=0,
            published=0,
            unsent=0,
            parked=0,
            dead=0,
            refused=0,
        ).flat()


def fail(**_: Any) -> None:
    raise SystemExit("it cannot start: the reason is written here")


def migrate(*, package: str, database_url: str) -> None:
    """Do nothing: the stub has no tables."""
