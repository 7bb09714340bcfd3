"""Metrics: what a process counts and measures, and the text in which Prometheus reads it.

Each stands here, with its labels; docs/metrics.md is written from this file. A label has few
values, all of them from the code: route patterns, statuses, types of events, names of services.
Values that a process has at any moment are taken when they are read.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from time import perf_counter
from typing import Final, TypeVar

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

M = TypeVar("M", Counter, Histogram)

REGISTRY: Final = CollectorRegistry()
CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
OTHER: Final = "other"  # the value of a label for what a client made up
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.61, 1, 2.5, 10)  # 0.61: a reservation's
DELAYS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600)

disable_created_metrics()  # type: ignore[no-untyped-call]  # else each counter and histogram has one more series
ProcessCollector(registry=REGISTRY)


@dataclass(frozen=True, slots=True)
class Definition:
    """A metric. name: as queries name it; of a histogram, without _bucket, _sum and _count."""

    name: str
    kind: str
    labels: tuple[str, ...]
    about: str


DEFINED: Final[list[Definition]] = []


def _counter(name: str, about: str, *labels: str) -> Counter:
    full = _define(name, "counter", about, labels)
    return Counter(full.removesuffix("_total"), about, labels, registry=REGISTRY)


def _gauge(name: str, about: str, *labels: str) -> Gauge:
    return Gauge(_define(name, "gauge", about, labels), about, labels, registry=REGISTRY)


def _histogram(name: str, about: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
    full = _define(name, "histogram", about, labels)
    return Histogram(full, about, labels, buckets=buckets, registry=REGISTRY)


def _define(name: str, kind: str, about: str, labels: tuple[str, ...]) -> str:
    full = f"roadbike_{name}"
    DEFINED.append(Definition(full, kind, labels, about))
    return full


READY: Final = _gauge("ready", "1 while requests may be sent to the process.")
REQUESTS: Final = _histogram(
    "http_request_seconds",
    "Time from the arrival of a request until its response begins. route: the pattern; `other` "
    "where no route was found. status: 0 when the request ended without a response.",
    SECONDS,
    *("method", "route", "status"),
)
REFUSALS: Final = _counter(
    "http_refusals_total",
    "Requests answered with a problem document, by the last part of its type. Those of the "
    "connection, before there is a request, are counted too.",
    "reason",
)
CALLS: Final = _histogram(
    "call_seconds",
    "Time of calls to another service or to the payment provider. outcome: `answered`, or the "
    "kind of the failure.",
    SECONDS,
    *("to", "call", "outcome"),
)
BREAKER_STATE: Final = _gauge(
    "breaker_state", "1 for the present state of a circuit breaker, else 0.", "breaker", "state"
)
BREAKER_CHANGES: Final = _counter(
    "breaker_changes_total", "Changes of a circuit breaker to this state.", "breaker", "state"
)
SENT: Final = _counter("events_sent_total", "Events that the relay has sent to the broker.", "type")
CONSUMED: Final = _counter("events_consumed_total", "Events that took effect.", "type")
DELAY: Final = _histogram(
    "event_delay_seconds",
    "Age of the oldest event of a batch when the batch has taken effect: no event of it was older. "
    "A batch with events that were sent again counts, too.",
    DELAYS,
)
NOT_CONSUMED: Final = _counter(
    "messages_total",
    "Messages that did not take effect, by what became of them: parked (a failed attempt, or "
    "waiting behind one), stuck, dead, kept, refused.",
    "outcome",
)
UNSENT: Final = _gauge("outbox_unsent", "Events in the outbox that wait to be sent.")
UNSENT_AGE: Final = _gauge("outbox_age_seconds", "Age of the oldest of them; 0 without one.")
LAG: Final = _gauge(
    "consumer_lag", "Messages of a topic that the service has not acknowledged.", "topic"
)
WAITING: Final = _gauge(
    "messages_waiting",
    "Messages in the service's database, by state: parked, stuck (one of those whose retries fail "
    "for two minutes), dead, kept.",
    "state",
)
MISSING: Final = _gauge(
    "broker_missing", "Topics and groups of the service that the broker does not have."
)
BROKER: Final = _gauge("broker_connected", "1 while there is a connection to the broker.")
DATABASE: Final = _gauge("database_up", "1 when the database answered the last time it was asked.")
OPEN_WORK: Final = _gauge(
    "open_work", "The service's own numbers, which are 0 when the shop is settled.", "name"
)
POOL_SIZE: Final = _gauge("pool_connections", "Database connections that a pool may have.", "pool")
POOL_USED: Final = _gauge("pool_in_use", "Database connections in use.", "pool")
POOL_BUSY: Final = _counter(
    "pool_busy_total", "Transactions that found no free connection in time.", "pool"
)

LOOP_LAG: Final = _gauge(
    "loop_lag_seconds", "How late the event loop was in the last two seconds (95th percentile)."
)
PLACES_TAKEN: Final = _gauge("places_taken", "Requests that are worked on, by kind.", "kind")
PLACES_WAITING: Final = _gauge("places_waiting", "Requests that wait for a place.", "kind")
PLACES_REFUSED: Final = _counter(
    "places_refused_total", "Requests that were refused before they were read.", "kind"
)


def count_request(method: str, route: str | None, status: int, seconds: float) -> None:
    """Count a request that was answered; route: its pattern, None where none was found."""
    known = method if method in METHODS else OTHER
    _of(REQUESTS, known, route or OTHER, status).observe(seconds)


def count_refusal(reason: str) -> None:
    """Count a problem document. reason: the last part of its type."""
    _of(REFUSALS, reason).inc()


def count_place_refused(kind: str) -> None:
    """Count a request of this kind of places that was refused before it was read."""
    _of(PLACES_REFUSED, kind).inc()


def count_events(total: Counter, type_: str, number: int) -> None:
    """Count so many events of this type. total: SENT or CONSUMED."""
    _of(total, type_).inc(number)


@cache  # to find it by its labels costs more than to count
def _of(metric: M, *labels: object) -> M:
    return metric.labels(*map(str, labels))


def show_state(breaker: str, states: tuple[str, ...], present: Callable[[], str]) -> None:
    """Show the state of a circuit breaker: `present` is asked at each reading."""
    for state in states:
        is_so = partial(_equals, present, state)
        BREAKER_STATE.labels(breaker, state).set_function(is_so)
        BREAKER_CHANGES.labels(breaker, state)  # 0 until it changes


def _equals(present: Callable[[], str], state: str) -> float:
    return float(present() == state)


def show_places(kind: str, taken: Callable[[], int], waiting: Callable[[], int]) -> None:
    """Show how many requests of a kind are worked on and wait; both are asked at each reading."""
    PLACES_TAKEN.labels(kind).set_function(taken)
    PLACES_WAITING.labels(kind).set_function(waiting)


class Call:
    """One call to another service or to the provider, whose outcome is not known yet."""

    def __init__(self) -> None:
        self.outcome = "answered"


@contextmanager
def measured_call(to: str, call: str) -> Iterator[Call]:
    """Measure the block as one call. An exception is its outcome, by the name of its class."""
    made = Call()
    began = perf_counter()
    try:
        yield made
    except BaseException as error:
        made.outcome = type(error).__name__
        raise
    finally:
        _of(CALLS, to, call, made.outcome).observe(perf_counter() - began)


def text() -> bytes:
    """Return all metrics in Prometheus' text format."""
    return generate_latest(REGISTRY)
