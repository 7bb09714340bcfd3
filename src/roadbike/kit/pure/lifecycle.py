"""A state machine written as a table."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from enum import StrEnum
from typing import Generic, TypeVar

S = TypeVar("S", bound=StrEnum)


class IllegalTransition(Exception):
    """The lifecycle does not allow to go from the status `from_` to the status `to`."""

    def __init__(self, from_: StrEnum, to: StrEnum) -> None:
        super().__init__(f"{from_.name} → {to.name} is not allowed")
        self.from_, self.to = from_, to


class Lifecycle(Generic[S]):
    """The allowed transitions: for each status the set of statuses that may follow it.

    A status that is not a key of the table is final.
    """

    def __init__(self, steps: Mapping[S, AbstractSet[S]]) -> None:
        self.steps = steps

    def allows(self, from_: S, to: S) -> bool:
        """Return whether the table contains this transition."""
        return to in self.steps.get(from_, frozenset())

    def check(self, from_: S, to: S) -> None:
        """Raise IllegalTransition when the table does not contain this transition."""
        if not self.allows(from_, to):
            raise IllegalTransition(from_, to)
