"""The page `/metrics` of a service: what its process counts, and how the service stands now."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from math import inf
from typing import Final

from litestar.response import Response

from roadbike.kit import metrics
from roadbike.kit.db import DatabaseUnavailable
from roadbike.kit.process.status import ServiceStatus
from roadbike.kit.web import ANYONE, Route, get

PATH: Final = "/metrics"
FRESH_SECONDS: Final = 1.0  # so long a status is good enough: to read it costs some queries


class MetricsApi:
    """Serves the metrics at the own port of the service; the gateway has no such path.

    status: returns how the service stands. Raises DatabaseUnavailable.
    """

    def __init__(self, status: Callable[[], Awaitable[ServiceStatus]]) -> None:
        self._status = status
        self._read_at = -inf
        self._reading = asyncio.Lock()

    def routes(self) -> list[Route]:
        """Return the route that every service has."""
        return [get(PATH, self.read, who=ANYONE, media_type=metrics.CONTENT_TYPE, in_schema=False)]

    async def read(self) -> Response[bytes]:
        """Return all metrics of the process as text."""
        async with self._reading:
            if time.monotonic() - self._read_at >= FRESH_SECONDS:
                await self._update()
                self._read_at = time.monotonic()
        return Response(metrics.text(), media_type=metrics.CONTENT_TYPE)

    async def _update(self) -> None:
        try:
            status = await self._status()
        except DatabaseUnavailable:
            metrics.DATABASE.set(0)
            metrics.READY.set(0)
        else:
            show(status)


def show(status: ServiceStatus) -> None:
    """Set the metrics that are a service's status."""
    metrics.DATABASE.set(1)
    metrics.READY.set(status.ready)
    metrics.BROKER.set(status.broker)
    metrics.MISSING.set(status.missing)
    metrics.UNSENT.set(status.unsent)
    metrics.UNSENT_AGE.set(status.unsent_seconds)
    for state in ("parked", "stuck", "dead", "kept"):
        metrics.WAITING.labels(state).set(getattr(status, state))
    metrics.LAG.clear()  # what is not known is not shown
    for topic, lag in status.lags.items():
        metrics.LAG.labels(topic).set(lag)
    for name, number in status.gauges.items():
        metrics.OPEN_WORK.labels(name).set(number)
