"""A state machine written as a table."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from enum import StrEnum
from typing import Generic, TypeVar

S = TypeVar("S", bound=StrEnum)


class IllegalTransition(Exception):
    """A status may not be left for another; carries both."""

    def __init__(self, from_: StrEnum, to: StrEnum) -> None:
        super().__init__(f"{from_.name} → {to.name} is not allowed")
        self.from_, self.to = from_, to


class Lifecycle(Generic[S]):
    """Every status that a thing may leave, and for which others."""

    def __init__(self, steps: Mapping[S, AbstractSet[S]]) -> None:
        self.steps = steps

    def allows(self, from_: S, to: S) -> bool:
        """Whether the table has the arrow."""
        return to in self.steps.get(from_, frozenset())

    def check(self, from_: S, to: S) -> None:
        """Raises IllegalTransition when the table has no such arrow."""
        if not self.allows(from_, to):
            raise IllegalTransition(from_, to)
