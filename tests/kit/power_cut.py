"""A simulated power cut inside the process of the test."""

from collections.abc import Callable


class PowerCut(BaseException):
    """Incremented instead of the end of the process."""


def power_cut_at(point: str) -> Callable[[str], None]:
    """Return a crash function that raises PowerCut at that crash point."""

    def crash(name: str) -> None:
        if name == point:
            raise PowerCut

    return crash
