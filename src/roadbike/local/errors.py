"""The error that ends a command with one clear sentence instead of a traceback."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from roadbike.local.texts import say


class CommandError(Exception):
    """What is wrong and what to do about it, for the person at the keyboard.

    slug, facts: of its sentence in `local/texts`; as text, it is in the language of the terminal.
    details: log lines that are printed before the sentence; code: the exit code.
    """

    def __init__(
        self, slug: str, /, *, details: tuple[str, ...] = (), code: int = 1, **facts: object
    ) -> None:
        super().__init__(slug)
        self.slug = slug
        self.facts = {name: str(fact) for name, fact in facts.items()}
        self.details = details
        self.code = code

    @classmethod
    def received(
        cls, slug: str, facts: Mapping[str, str], details: tuple[str, ...]
    ) -> "CommandError":
        """Return the error that another process has sent."""
        error = cls(slug, details=details)
        error.facts = dict(facts)
        return error

    def __str__(self) -> str:
        return say(self.slug, **self.facts)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence that suggests the most similar name; empty if none is."""
    similar = get_close_matches(name, known, n=1)
    return say("did-you-mean", name=similar[0]) if similar else ""
