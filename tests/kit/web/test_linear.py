"""Readers whose cost grows faster than what they read are found, and others are not."""

from collections.abc import Iterator

import pytest

from tests.kit.web.linear import Read, check_linear

SIZE = 800


def counting(times: int) -> Read:
    return lambda: sum(1 for _ in range(times))


def quadratic(size: int) -> Iterator[tuple[str, Read]]:
    yield "pairs", counting(size * size)


def linear(size: int) -> Iterator[tuple[str, Read]]:
    yield "each once", counting(size * SIZE)


def test_a_reader_that_looks_at_pairs_is_found() -> None:
    with pytest.raises(AssertionError, match="at a quarter of it: pairs"):
        check_linear("pairs", quadratic, SIZE)


def test_a_reader_that_looks_at_each_byte_once_is_not() -> None:
    check_linear("each once", linear, SIZE)
