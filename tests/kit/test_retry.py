"""Clients that were refused together come back at different times."""

import pytest

from roadbike.kit.pure.retry import spread, whole_seconds


@pytest.mark.parametrize(
    ("seconds", "allowed"),
    [
        (0, range(1, 6)),
        (0.2, range(1, 6)),
        (3.1, range(4, 6)),
        (5, range(5, 10)),
        (28.5, range(29, 34)),
    ],
)
def test_a_refusal_names_one_of_some_seconds(seconds: float, allowed: range) -> None:
    assert {spread(seconds) for _ in range(300)} == set(allowed)


@pytest.mark.parametrize(("seconds", "whole"), [(0, 1), (0.2, 1), (1, 1), (1.01, 2)])
def test_seconds_are_rounded_up(seconds: float, whole: int) -> None:
    assert whole_seconds(seconds) == whole
