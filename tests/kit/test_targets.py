"""Calls go to the replicas in turn; one that gives no answer is left out for a while."""

import pytest

from roadbike.kit.resilience.targets import REST_SECONDS, Targets


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_calls_go_to_all_replicas_in_turn() -> None:
    targets = Targets(["a", "b", "c"])

    assert [targets.choose() for _ in range(6)] == ["a", "b", "c", "a", "b", "c"]


def test_a_replica_without_an_answer_is_left_out_and_then_tried_by_one_call() -> None:
    clock = Clock()
    targets = Targets(["a", "b"], clock)

    targets.failed("a")
    resting = [targets.choose() for _ in range(4)]
    clock.now += REST_SECONDS
    trying = [targets.choose() for _ in range(4)]

    assert resting == ["b"] * 4
    assert trying == ["a", "b", "b", "b"]


def test_a_replica_that_has_answered_is_used_again() -> None:
    clock = Clock()
    targets = Targets(["a", "b"], clock)
    targets.failed("a")

    targets.answered("a")

    assert sorted(targets.choose() for _ in range(4)) == ["a", "a", "b", "b"]


def test_when_all_rest_they_are_called_in_turn() -> None:
    targets = Targets(["a", "b"])
    targets.failed("a")
    targets.failed("b")

    assert not targets.has_others()
    assert [targets.choose() for _ in range(4)] == ["a", "b", "a", "b"]


def test_a_service_has_a_url() -> None:
    with pytest.raises(ValueError, match="URL"):
        Targets([])
