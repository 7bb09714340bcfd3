"""Crash points: named points at which a test can kill the process, as a power cut would."""

import os
from collections.abc import Callable
from typing import Final

KILLED: Final = 137  # the exit code of kill -9

Crash = Callable[[str], None]


def never_crash(_name: str) -> None:
    """Do nothing: the crash function of a process that is not tested."""


def crash_points(plan: str) -> Crash:
    """Return a function that ends the process when it is called the n-th time with a name.

    plan: the setting ROADBIKE_CRASH, `name:n[,name:n…]`; empty for no crash.
    """
    if not plan:
        return never_crash
    left = {
        name: int(count) for name, _, count in (part.partition(":") for part in plan.split(","))
    }

    def crash(name: str) -> None:
        if name in left:
            left[name] -= 1
            if left[name] == 0:
                os._exit(KILLED)

    return crash
