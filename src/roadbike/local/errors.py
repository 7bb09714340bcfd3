"""The error that ends a command with one clear sentence instead of a traceback."""

from collections.abc import Iterable
from difflib import get_close_matches


class CommandError(Exception):
    """What is wrong and what to do about it, for the person at the keyboard.

    details: log lines that are printed before the sentence; code: the exit code.
    """

    def __init__(self, sentence: str, *, details: tuple[str, ...] = (), code: int = 1) -> None:
        super().__init__(sentence)
        self.details = details
        self.code = code


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence that suggests the most similar name; empty if none is."""
    similar = get_close_matches(name, known, n=1)
    return f"; did you mean {similar[0]}?" if similar else ""
