"""Which version of a resource a request is about: the conditions of RFC 9110, 13.1."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tags:
    """The entity tags that a header lists, without quotes; every: it was `*`."""

    strong: frozenset[str] = frozenset()
    weak: frozenset[str] = frozenset()
    every: bool = False

    def have(self, tag: str) -> bool:
        """Return whether the strong tag is one of them, by the strong comparison."""
        return self.every or tag in self.strong

    def have_weakly(self, tag: str) -> bool:
        """Return whether the tag is one of them, by the weak comparison."""
        return self.every or tag in self.strong or tag in self.weak


@dataclass(frozen=True, slots=True)
class Precondition:
    """Which versions a change may be of; None is a header that was not sent."""

    if_match: Tags | None = None
    if_none_match: Tags | None = None

    def allows(self, version: int) -> bool:
        """Return whether that version may be changed."""
        tag = str(version)
        if self.if_match is not None and not self.if_match.have(tag):
            return False
        return self.if_none_match is None or not self.if_none_match.have_weakly(tag)


def exactly(version: int) -> Precondition:
    """Return the precondition of a change to that version only."""
    return Precondition(if_match=Tags(strong=frozenset({str(version)})))
