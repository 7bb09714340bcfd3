"""What a service reports about itself at `/internal/status`, as its readers see it too."""

from typing import Any

import msgspec

from roadbike.kit.resilience.breaker import BreakerReport


class ServiceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a service stands. When the whole shop is quiet, every count but `published` is 0.

    ready: whether requests may be sent to it; the HTTP server knows, the runtime does not.
    database: the SQL dialect.
    broker: whether it is connected to the broker.
    lag: messages of its topics that it has not acknowledged; None while that is unknown.
    lags: the same for each topic. unsent_seconds: the age of the oldest event that is not sent.
    missing: topics and groups of this service that the broker does not have.
    published, unsent: events ever published, and those that still wait to be sent.
    parked, stuck, dead: messages that wait for a retry, those of them whose retries have failed for
    two minutes or more, and dead letters.
    kept: messages that only other, usually newer code of the service can process.
    refused: messages that do not come from the only publisher of their event, or contradict what
    is known; it drops to 0 some days after the last one.
    lag_ms: how late the event loop was in the last two seconds (p95), in milliseconds.
    limits: the limits of requests in that process by name; 0 is off.
    shed: requests that were refused before they were read, by kind, since the process began.
    breakers: the circuit breakers in front of what the service calls, by name.
    gauges: the service's own counts, by name; in JSON they stand beside the other fields.
    """

    ready: bool = False
    service: str
    database: str
    broker: bool
    lag: int | None
    lags: dict[str, int] = {}
    missing: int = 0
    published: int
    unsent: int
    unsent_seconds: int = 0
    parked: int
    stuck: int = 0
    dead: int
    kept: int = 0
    refused: int
    lag_ms: float = 0.0
    limits: dict[str, int] = {}
    shed: dict[str, int] = {}
    breakers: dict[str, BreakerReport] = {}
    gauges: dict[str, int] = {}

    def flat(self) -> dict[str, Any]:
        """Return the fields as JSON shows them: gauges beside the others."""
        values: dict[str, Any] = msgspec.to_builtins(self)
        values |= values.pop("gauges")
        return values


def decode(body: bytes) -> ServiceStatus:
    """Return the status in that JSON body. Raises ValueError when it is not a status."""
    values = msgspec.json.decode(body, type=dict[str, Any])
    known = {name: values[name] for name in ServiceStatus.__struct_fields__ if name in values}
    gauges = {name: value for name, value in values.items() if name not in known}
    return msgspec.convert(known | {"gauges": gauges}, ServiceStatus)
