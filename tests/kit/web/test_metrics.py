"""Metrics: few values of each label, true numbers, and a page that answers without a database."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from roadbike.kit import metrics
from roadbike.kit.db import Database, DatabaseBusy, DatabaseUnavailable
from roadbike.kit.messaging.inbox import Inbox
from roadbike.kit.process import metrics_page
from roadbike.kit.process.metrics_page import MetricsApi
from roadbike.kit.process.service import whenever
from roadbike.kit.process.status import ServiceStatus
from roadbike.kit.pure.refusals import Overloaded
from roadbike.kit.pure.rooms import READS
from roadbike.kit.resilience.breaker import FAILED_IN_A_ROW, breaker
from roadbike.kit.web.places import Places
from tests.kit.counters import Incremented, message
from tests.kit.test_inbox import count_up

STATUS = ServiceStatus(
    ready=True,
    service="stock",
    database="sqlite",
    broker=True,
    lag=3,
    lags={"bike.payment": 3},
    published=9,
    unsent=2,
    unsent_seconds=40,
    parked=1,
    dead=4,
    refused=0,
    lag_ms=20.0,
    gauges={"pending": 5},
)


def value(name: str, /, **labels: str) -> float | None:
    return metrics.REGISTRY.get_sample_value(name, labels)


def grown(name: str, /, **labels: str) -> Callable[[], float]:
    """Return what says by how much the number has grown since this call."""
    before = value(name, **labels) or 0.0
    return lambda: (value(name, **labels) or 0.0) - before


async def page(status: Any) -> dict[str, float]:
    """Return the samples without labels of the page."""
    text = (await MetricsApi(status).read()).content.decode()
    families = text_string_to_metric_families(text)
    return {
        each.name: each.value for family in families for each in family.samples if not each.labels
    }


async def test_the_status_is_among_the_metrics() -> None:
    async def status() -> ServiceStatus:
        return STATUS

    shown = await page(status)

    assert (shown["roadbike_ready"], shown["roadbike_database_up"]) == (1, 1)
    assert (shown["roadbike_outbox_unsent"], shown["roadbike_outbox_age_seconds"]) == (2, 40)
    assert shown["roadbike_loop_lag_seconds"] == 0.02
    assert value("roadbike_consumer_lag", topic="bike.payment") == 3
    assert value("roadbike_messages_waiting", state="dead") == 4
    assert value("roadbike_open_work", name="pending") == 5


async def test_without_a_database_the_page_says_so() -> None:
    async def status() -> ServiceStatus:
        raise DatabaseUnavailable("gone")

    shown = await page(status)

    assert (shown["roadbike_ready"], shown["roadbike_database_up"]) == (0, 0)
    assert "process_cpu_seconds_total" in shown


async def test_the_database_is_asked_at_most_once_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metrics_page, "FRESH_SECONDS", 60)  # the reads may take longer than one
    asked = []

    async def status() -> ServiceStatus:
        asked.append(1)
        return STATUS

    api = MetricsApi(status)
    await asyncio.gather(*(api.read() for _ in range(20)))

    assert len(asked) == 1


async def test_a_request_is_counted_by_its_pattern(send: Any) -> None:
    route = {"method": "GET", "route": "/things/{number}", "status": "200"}
    counted = grown("roadbike_http_request_seconds_count", **route)

    await send("GET /things/1", role="buyer")
    await send("GET /things/2", role="buyer")

    assert counted() == 2


async def test_what_a_client_makes_up_is_no_label(send: Any) -> None:
    unknown = grown(
        "roadbike_http_request_seconds_count", method="other", route="other", status="404"
    )
    refused = grown("roadbike_http_refusals_total", reason="not-found")

    await send("GET /canary-9f2c")
    await send("CANARY /canary-9f2c")

    assert unknown() == 1
    assert refused() == 2
    assert b"canary" not in metrics.text().lower()


async def test_events_are_counted_by_type_and_how_late_they_are(db: Database) -> None:
    inbox = Inbox(db, [whenever(Incremented, count_up)])
    consumed = grown("roadbike_events_consumed_total", type="test.Incremented.v1")
    batches = grown("roadbike_event_delay_seconds_count")

    await inbox.consume([message(Incremented(name=name)) for name in "abc"])

    assert (consumed(), batches()) == (3, 1)


async def test_a_message_that_is_parked_is_counted(db: Database) -> None:
    inbox = Inbox(db, [whenever(Incremented, count_up)])
    parked = grown("roadbike_messages_total", outcome="parked")

    await inbox.consume([message(Incremented(name="a"), data=b"{}")])

    assert parked() == 1


def test_a_breaker_shows_its_state_and_counts_its_changes() -> None:
    measured = breaker("measured", deadline_ms=1_000)
    assert value("roadbike_breaker_state", breaker="measured", state="closed") == 1
    opened = grown("roadbike_breaker_changes_total", breaker="measured", state="open")

    for _ in range(FAILED_IN_A_ROW):
        measured.permit().failed()

    assert value("roadbike_breaker_state", breaker="measured", state="open") == 1
    assert value("roadbike_breaker_state", breaker="measured", state="closed") == 0
    assert opened() == 1


async def test_a_pool_shows_what_is_in_use_and_when_it_was_not_enough(db: Database) -> None:
    busy = grown("roadbike_pool_busy_total", pool="reads")
    assert value("roadbike_pool_connections", pool="reads") == READS.connections

    async def hold(turn: int) -> None:
        async with db.read():
            if turn:
                await hold(turn - 1)
            else:
                assert value("roadbike_pool_in_use", pool="reads") == READS.connections
                with pytest.raises(DatabaseBusy):
                    async with db.read():
                        pass

    await hold(READS.connections - 1)

    assert value("roadbike_pool_in_use", pool="reads") == 0
    assert busy() == 1


async def test_places_show_what_is_worked_on_and_what_was_refused() -> None:
    places = Places()
    refused = grown("roadbike_places_refused_total", kind="reads")
    scope: Any = {"method": "GET", "path": "/things", "headers": []}
    places.reads.queue = 0

    async with AsyncExitStack() as taken:
        for _ in range(places.reads.limit):
            await taken.enter_async_context(places.of(scope, None))
        assert value("roadbike_places_taken", kind="reads") == places.reads.limit
        with pytest.raises(Overloaded):
            async with places.of(scope, None):
                pass

    assert value("roadbike_places_taken", kind="reads") == 0
    assert refused() == 1


async def test_a_call_is_counted_by_its_outcome() -> None:
    failed = grown("roadbike_call_seconds_count", to="a", call="b", outcome="LookupError")
    declined = grown("roadbike_call_seconds_count", to="a", call="b", outcome="declined")

    with pytest.raises(LookupError), metrics.measured_call("a", "b"):
        raise LookupError
    with metrics.measured_call("a", "b") as call:
        call.outcome = "declined"

    assert (failed(), declined()) == (1, 1)


def test_each_metric_says_what_it_is() -> None:
    names = [each.name for each in metrics.DEFINED]

    assert len(names) == len(set(names))
    assert all(each.about.endswith(".") for each in metrics.DEFINED)
    assert all(each.name.endswith("_total") == (each.kind == "counter") for each in metrics.DEFINED)
