"""What stops a command: one clear line for the person at the keyboard."""

from collections.abc import Iterable
from difflib import get_close_matches


class CommandError(Exception):
    """What is wrong and what to do; `details` are log lines behind it, `code` the exit code."""

    def __init__(self, line: str, *, details: tuple[str, ...] = (), code: int = 1) -> None:
        super().__init__(line)
        self.details = details
        self.code = code


def nearest(name: str, there: Iterable[str]) -> str:
    """Ends a sentence: asks whether one of those was meant; empty when none is like it."""
    like = get_close_matches(name, there, n=1)
    return f"; did you mean {like[0]}?" if like else ""
