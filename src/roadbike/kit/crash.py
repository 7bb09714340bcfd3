"""Named points at which a test may kill the process, as a power cut would."""

import os
from collections.abc import Callable
from typing import Final

KILLED: Final = 137  # the exit code of kill -9

Crash = Callable[[str], None]


def never(_name: str) -> None:
    """The crash points of a shop that is not being tested."""


def crash_points(plan: str) -> Crash:
    """A function that ends the process at the n-th hit of a point.

    `plan` is the setting ROADBIKE_CRASH: `name:n[,name:n…]`; empty means never.
    """
    if not plan:
        return never
    left = {
        name: int(count) for name, _, count in (part.partition(":") for part in plan.split(","))
    }

    def crash(name: str) -> None:
        if name in left:
            left[name] -= 1
            if left[name] == 0:
                os._exit(KILLED)

    return crash
