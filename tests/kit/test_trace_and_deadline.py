"""The trace of a request is continued, and its deadline is counted from its start."""

import asyncio

import pytest

from roadbike.kit.resilience.deadline import current_deadline, new_deadline, shorten_deadline
from roadbike.kit.trace import TRACEPARENT, current_trace_id, current_traceparent, tracing

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
GIVEN = f"00-{TRACE}-00f067aa0ba902b7-01"


def test_the_trace_is_known_inside_its_block_only() -> None:
    assert current_traceparent() is None

    with tracing(GIVEN) as own:
        assert current_traceparent() == own
        assert current_trace_id() == TRACE

    assert current_trace_id() is None


def test_each_hop_has_its_own_span() -> None:
    with tracing(GIVEN) as one, tracing(GIVEN) as two:
        assert one != two
        assert one.split("-")[1] == two.split("-")[1] == TRACE


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "nonsense",
        GIVEN.upper(),
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"{GIVEN}\n",
        f"{GIVEN}-more",
    ],
)
def test_a_malformed_traceparent_starts_a_new_trace(given: str | None) -> None:
    with tracing(given) as own:
        assert TRACEPARENT.fullmatch(own)
        assert TRACE not in own


async def test_concurrent_requests_keep_their_own_traces() -> None:
    both_inside = asyncio.Barrier(2)

    async def work() -> str | None:
        with tracing(None):
            await both_inside.wait()
            return current_trace_id()

    one, two = await asyncio.gather(work(), work())

    assert one != two


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


def test_the_remaining_time_ends_at_zero() -> None:
    clock = Clock()
    deadline = new_deadline(610, clock=clock)

    clock.now += 0.5
    assert deadline.remaining_ms() == 110
    assert deadline.forwarded_ms() == 90

    clock.now += 0.2
    assert deadline.remaining_ms() == deadline.forwarded_ms() == 0


def test_a_route_may_shorten_the_deadline_and_not_extend_it() -> None:
    clock = Clock()
    deadline = new_deadline(10_000, clock=clock)
    clock.now += 0.125

    assert deadline.within(610).remaining_ms() == 485
    assert deadline.within(60_000).remaining_ms() == 9_875


@pytest.mark.parametrize(
    ("requested", "granted"),
    [
        ("200", 200),
        ("20000", 610),
        ("0", 0),
        ("-1", 610),
        ("soon", 610),
        ("1e2", 610),
        ("²", 610),
        ("9" * 30, 610),
        ("", 610),
    ],
)
def test_a_service_may_request_a_shorter_deadline_only(requested: str, granted: int) -> None:
    before = current_deadline.set(new_deadline(610, clock=Clock()))

    shorten_deadline(requested)

    assert current_deadline.get().remaining_ms() == granted
    current_deadline.reset(before)


def test_a_shorter_deadline_is_counted_from_the_start_of_the_request() -> None:
    clock = Clock()
    before = current_deadline.set(new_deadline(610, clock=clock))
    clock.now += 0.125

    shorten_deadline("500")

    assert current_deadline.get().remaining_ms() == 375
    current_deadline.reset(before)
