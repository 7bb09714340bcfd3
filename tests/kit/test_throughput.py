"""As much work is taken in as can be finished in time, at the rate at which it is finished now."""

from contextlib import ExitStack

import pytest

from roadbike.kit.resilience.throughput import (
    CAUTIOUS_SECONDS,
    FEWEST,
    MANY,
    MEAN,
    SPAN_SECONDS,
    Throughput,
)

LIMIT = 0.5  # seconds
WITHIN = LIMIT * MEAN
CROWD = 400  # more than are finished in that time
STEP = 0.05


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Work:
    """So many pieces of work are in flight, and some are finished in each step."""

    def __init__(self, number: int) -> None:
        self.clock = Clock()
        self.throughput = Throughput(LIMIT, self.clock)
        self.begun = [self._begin() for _ in range(number)]

    def go_on(self, seconds: float, *, rate: float) -> None:
        """Finish so many a second; as many begin."""
        for _ in range(round(seconds / STEP)):
            self.clock.now += STEP
            for _ in range(round(rate * STEP)):
                self.begun.pop(0).close()
                self.begun.append(self._begin())

    def end(self) -> None:
        for each in self.begun:
            each.close()

    def _begin(self) -> ExitStack:
        piece = ExitStack()
        piece.enter_context(self.throughput.work())
        return piece


def most(work: Work) -> int:
    """Return how many can be in flight when the next one is let in."""
    return next(number for number in range(10_000) if not work.throughput.has_room(number))


@pytest.mark.parametrize("rate", [100, 200, 400])
def test_as_many_are_taken_in_as_are_finished_in_that_time(rate: int) -> None:
    work = Work(CROWD)

    work.go_on(6, rate=rate)

    assert most(work) == pytest.approx(rate * WITHIN, rel=0.06)


def test_a_machine_that_becomes_slower_takes_less_in_and_more_when_it_is_faster_again() -> None:
    work = Work(CROWD)
    work.go_on(4, rate=400)

    work.go_on(SPAN_SECONDS + STEP, rate=100)
    slower = most(work)
    work.go_on(SPAN_SECONDS + STEP, rate=400)

    assert slower == pytest.approx(100 * WITHIN, rel=0.06)
    assert most(work) == pytest.approx(400 * WITHIN, rel=0.06)


def test_while_all_are_finished_in_time_there_is_room_for_a_larger_crowd() -> None:
    work = Work(20)

    work.go_on(5, rate=100)

    assert work.throughput.has_room(999)


def test_a_piece_that_took_too_long_is_remembered_for_a_while() -> None:
    work = Work(CROWD)
    work.go_on(2, rate=400)
    limited = most(work)

    while len(work.begun) > MANY:
        work.begun.pop().close()
    work.go_on(CAUTIOUS_SECONDS + 1, rate=200)

    assert limited == pytest.approx(400 * WITHIN, rel=0.06)
    assert work.throughput.has_room(999)


def test_some_are_taken_in_whatever_was_finished() -> None:
    work = Work(CROWD)
    work.go_on(2, rate=400)

    work.go_on(SPAN_SECONDS + STEP, rate=0)

    assert most(work) == FEWEST


def test_a_crowd_that_comes_at_once_is_taken_in() -> None:
    """Nothing was finished lately, and nothing is known."""
    work = Work(1_000)
    assert work.throughput.has_room(999)

    work.go_on(SPAN_SECONDS / 2 - STEP, rate=0)

    assert work.throughput.has_room(999)


def test_what_few_have_finished_says_nothing_about_many() -> None:
    work = Work(MANY - 1)

    work.go_on(5, rate=20)

    assert work.throughput.has_room(999)


def test_what_was_finished_before_there_were_many_does_not_count() -> None:
    work = Work(MANY - 1)
    work.go_on(SPAN_SECONDS, rate=20)

    work.begun += [work._begin() for _ in range(CROWD)]  # noqa: SLF001
    work.go_on(SPAN_SECONDS / 2 + STEP, rate=200)

    assert most(work) == pytest.approx(200 * WITHIN, rel=0.06)


def test_after_the_crowd_there_is_room_for_the_next_one() -> None:
    work = Work(CROWD)
    work.go_on(6, rate=100)

    work.end()

    assert work.throughput.has_room(999)
