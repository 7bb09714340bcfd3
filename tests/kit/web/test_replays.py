"""While a hot route refuses, only few requests whose key was never let in may go on."""

import pytest

from roadbike.kit.resilience.limiter import Limiter
from roadbike.kit.web.replays import KEPT_KEYS, KNOWN_A_SECOND, LONGEST_KEY, NEW_A_SECOND, Replays


class Clock:
    def __init__(self) -> None:
        self.now = 100.5

    def __call__(self) -> float:
        return self.now


def gone_on(replays: Replays, key: bytes, times: int = 1_000) -> int:
    """Return how many of so many requests with the key may go on."""
    count = 0
    for _ in range(times):
        if replays.may_go_on(key):
            replays.count(key)
            count += 1
    return count


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def replays(clock: Clock) -> Replays:
    return Replays(clock)


def test_of_a_flood_with_new_keys_fewer_go_on_than_a_hundredth_of_what_is_refused(
    replays: Replays,
) -> None:
    """Each takes longer than a refusal may; a shop that is flooded refuses hundreds a second."""
    assert sum(gone_on(replays, b"%d" % number, 1) for number in range(1_000)) == NEW_A_SECOND
    assert NEW_A_SECOND < 5


def test_a_key_that_was_let_in_is_asked_about_also_in_a_flood_of_new_ones(
    replays: Replays, clock: Clock
) -> None:
    replays.note(b"let in")
    gone_on(replays, b"new")

    assert gone_on(replays, b"let in") == KNOWN_A_SECOND
    clock.now += 1
    assert gone_on(replays, b"let in") == KNOWN_A_SECOND


def test_a_key_that_another_replica_let_in_is_asked_about_too(
    replays: Replays, clock: Clock
) -> None:
    gone_on(replays, b"new")
    assert not replays.may_go_on(b"of another replica")

    clock.now += 1

    assert replays.may_go_on(b"of another replica")


def test_nobody_goes_on_while_the_places_are_taken(replays: Replays) -> None:
    replays.note(b"let in")
    replays.places = Limiter(0, queue=0)

    assert not replays.may_go_on(b"let in")


def test_the_latest_keys_are_kept_and_of_each_a_bounded_part(replays: Replays) -> None:
    for number in range(KEPT_KEYS + 1):
        replays.note(b"%d" % number)
        replays.note(b"used again")
    replays.note(b"x" * LONGEST_KEY + b"more")

    assert gone_on(replays, b"0") == NEW_A_SECOND
    assert gone_on(replays, b"used again") + gone_on(replays, b"%d" % KEPT_KEYS) == KNOWN_A_SECOND
    assert len(replays._let_in) == KEPT_KEYS  # noqa: SLF001 memory is what is bounded
    assert max(map(len, replays._let_in)) == LONGEST_KEY  # noqa: SLF001
