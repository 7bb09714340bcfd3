"""Numbers that a browser sends have the digits that the API has."""

import pytest

from roadbike.storefront.numbers import whole


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("17", 17), ("007", 7), ("999", 999)])
def test_digits_are_a_number(text: str, number: int) -> None:
    assert whole(text, 3) == number


@pytest.mark.parametrize("text", ["", " 1", "+1", "-1", "1.0", "1e2", "１２", "٣", "²", "1234"])
def test_every_other_text_is_none(text: str) -> None:
    assert whole(text, 3) is None
