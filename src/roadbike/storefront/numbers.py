"""Whole numbers in texts that a browser or a service sends."""

from typing import Final

MAX_PAGE_DIGITS: Final = 6  # of the number of a page


def whole(text: str, most_digits: int) -> int | None:
    """Return the number that the text is, in the digits 0 to 9; None for any other text."""
    is_number = text.isascii() and text.isdigit() and len(text) <= most_digits
    return int(text) if is_number else None
