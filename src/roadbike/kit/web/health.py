"""Routes for operating a service: liveness, readiness and status."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from litestar.response import Response

from roadbike.kit.web.access import ANYONE, INTERNAL
from roadbike.kit.web.hal import Reply
from roadbike.kit.web.media import JSON
from roadbike.kit.web.routes import Route, get

Ready = Callable[[], bool]
Faults = Callable[[], Sequence[str]]  # of what the service depends on; they need a person
StatusReport = Callable[[], Awaitable[Mapping[str, object]]]


class HealthApi:
    """Serves `/livez`, `/readyz` and `/internal/status`."""

    def __init__(self, ready: Ready, status: StatusReport, faults: Faults = tuple) -> None:
        self._ready = ready
        self._status = status
        self._faults = faults

    def routes(self) -> list[Route]:
        """Return the routes that every service has."""
        return [
            get("/livez", self.livez, who=ANYONE, media_type=JSON, in_schema=False),
            get("/readyz", self.readyz, who=ANYONE, media_type=JSON, in_schema=False),
            get("/internal/status", self.status, who=INTERNAL, media_type=JSON, in_schema=False),
        ]

    async def livez(self) -> dict[str, bool]:
        """Return 200 as long as the process answers."""
        return {"live": True}

    async def readyz(self) -> Response[dict[str, Any]]:
        """Return 200 when requests may come, 503 while starting, stopping or without a database.

        It also shows what is wrong with the broker's settings, which in production means 503.
        """
        ready, faults = self._ready(), list(self._faults())
        detail = {"ready": ready} | ({"faults": faults} if faults else {})
        return Reply(detail, status=200 if ready else 503, media_type=JSON)

    async def status(self) -> dict[str, Any]:
        """Return the numbers that `roadbike status` shows."""
        return dict(await self._status())
