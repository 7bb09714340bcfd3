"""When a refused client may come back: not all of them at the same moment."""

import math
import random
from typing import Final

LONGEST_SECONDS: Final = 5
SPREAD_SECONDS: Final = 4


def whole_seconds(seconds: float) -> int:
    """Return the seconds rounded up, at least 1."""
    return max(1, math.ceil(seconds))


def spread(seconds: float) -> int:
    """Return whole seconds for Retry-After, drawn for each refusal by itself.

    At least `seconds`, and at least 1. Less than five become up to five, others up to four more.
    """
    least = whole_seconds(seconds)
    most = LONGEST_SECONDS if least < LONGEST_SECONDS else least + SPREAD_SECONDS
    return random.randint(least, most)  # noqa: S311 no secret
