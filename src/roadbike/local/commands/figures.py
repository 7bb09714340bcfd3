"""What the metrics of a service say: about now, and about the time since the look before."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

REQUESTS: Final = "roadbike_http_request_seconds"
PROBES: Final = frozenset({"/livez", "/readyz", "/internal/status", "/metrics"})
REFUSED: Final = frozenset({"429", "503"})
FAILED: Final = frozenset({"500"})
SHARE: Final = 0.99
SLOWEST: Final = float("inf")

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A service in numbers.

    per_second, refused, failed: requests without probes, those answered with 429 or 503, and with
    500, per second. p99_ms: 99 % of them were answered within this; None without requests.
    outbox_age: of the oldest event that is not sent, in seconds. late_ms: of the event loop.
    breakers: states by name.
    pools: connections in use and their number, by pool.
    """

    per_second: float = 0.0
    refused: float = 0.0
    failed: float = 0.0
    p99_ms: float | None = None
    outbox_age: int = 0
    late_ms: int = 0
    breakers: Mapping[str, str] = field(default_factory=dict)
    pools: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def fullest_pool(self) -> str:
        """Return the pool with the fewest free connections, as `3/4`; empty without one."""
        if not self.pools:
            return ""
        used, size = min(self.pools.values(), key=lambda each: each[1] - each[0])
        return f"{used}/{size}"


def read(text: str) -> Samples:
    """Return the samples of a page of metrics. Raises ValueError when it is none."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def between(before: Samples, now: Samples, seconds: float) -> Figures:
    """Return the figures of now, with rates since `before`, which was so many seconds ago."""
    grown = {key: value - before.get(key, 0.0) for key, value in now.items() if _is_request(key)}
    if any(value < 0 for value in grown.values()):  # the process began again in between
        grown = {key: now[key] for key in grown}
    counts = {dict(labels)["status"]: 0.0 for name, labels in grown if name.endswith("_count")}
    buckets: dict[float, float] = {}
    for (name, labels), value in grown.items():
        of = dict(labels)
        if name == f"{REQUESTS}_count":
            counts[of["status"]] += value
        elif name == f"{REQUESTS}_bucket":
            buckets[float(of["le"])] = buckets.get(float(of["le"]), 0.0) + value
    return Figures(
        per_second=sum(counts.values()) / seconds,
        refused=sum(counts.get(status, 0.0) for status in REFUSED) / seconds,
        failed=sum(counts.get(status, 0.0) for status in FAILED) / seconds,
        p99_ms=_within(buckets),
        outbox_age=int(sum(_of(now, "roadbike_outbox_age_seconds").values())),
        late_ms=int(1000 * sum(_of(now, "roadbike_loop_lag_seconds").values())),
        breakers=_breakers(now),
        pools=_pools(now),
    )


def _is_request(key: tuple[str, frozenset[tuple[str, str]]]) -> bool:
    name, labels = key
    return name.startswith(REQUESTS) and dict(labels).get("route") not in PROBES


def _within(buckets: Mapping[float, float]) -> float | None:
    """Return the limit of the bucket that 99 % are in, in milliseconds."""
    total = buckets.get(SLOWEST, 0.0)
    if not total:
        return None
    limit = next(limit for limit in sorted(buckets) if buckets[limit] >= SHARE * total)
    return limit * 1000


def _of(samples: Samples, wanted: str) -> Mapping[frozenset[tuple[str, str]], float]:
    return {labels: value for (name, labels), value in samples.items() if name == wanted}


def _breakers(samples: Samples) -> Mapping[str, str]:
    states = _of(samples, "roadbike_breaker_state").items()
    present = [dict(labels) for labels, value in states if value]
    return {of["breaker"]: of["state"] for of in present}


def _pools(samples: Samples) -> Mapping[str, tuple[int, int]]:
    used = {
        dict(of)["pool"]: int(value) for of, value in _of(samples, "roadbike_pool_in_use").items()
    }
    size = {
        dict(of)["pool"]: int(value)
        for of, value in _of(samples, "roadbike_pool_connections").items()
    }
    return {name: (used.get(name, 0), size[name]) for name in sorted(size)}
