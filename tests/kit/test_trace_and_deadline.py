"""A request carries its trace on, and knows when it is too late."""

import asyncio

import pytest

from roadbike.kit.resilience.deadline import starts_now
from roadbike.kit.trace import TRACEPARENT, current_trace_id, current_traceparent, tracing

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
GIVEN = f"00-{TRACE}-00f067aa0ba902b7-01"


def test_work_inside_a_trace_knows_it_and_no_other_work_does() -> None:
    assert current_traceparent() is None

    with tracing(GIVEN) as own:
        assert current_traceparent() == own
        assert current_trace_id() == TRACE

    assert current_trace_id() is None


def test_each_hop_is_a_span_of_its_own() -> None:
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
def test_what_is_no_trace_begins_a_new_one(given: str | None) -> None:
    with tracing(given) as own:
        assert TRACEPARENT.fullmatch(own)
        assert TRACE not in own


async def test_two_requests_at_once_keep_their_traces() -> None:
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


def test_time_runs_out() -> None:
    clock = Clock()
    deadline = starts_now(610, clock=clock)

    clock.now += 0.5
    assert deadline.remaining_ms() == 110
    assert deadline.forwarded_ms() == 90
    assert not deadline.is_over

    clock.now += 0.2
    assert deadline.remaining_ms() == deadline.forwarded_ms() == 0
    assert deadline.is_over


def test_a_route_may_have_less_time_than_the_server() -> None:
    clock = Clock()
    deadline = starts_now(10_000, clock=clock)
    clock.now += 0.125

    assert deadline.within(610).remaining_ms() == 485
    assert deadline.within(60_000).remaining_ms() == 9_875


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("200", 200),
        ("20000", 610),
        ("0", 0),
        ("-1", 610),
        ("soon", 610),
        ("1e2", 610),
        ("²", 610),
        ("9" * 30, 610),
        (None, 610),
    ],
)
def test_a_caller_may_ask_for_less_time_but_not_for_more(asked: str | None, given: int) -> None:
    assert starts_now(610, asked, clock=Clock()).remaining_ms() == given
