"""Every state that the shop can get into, and the shortest path to each kind of violation."""

from collections import deque
from collections.abc import Iterator
from typing import Final

from tests.model.invariants import violations, violations_when_settled
from tests.model.shop_model import ShopModel, ShopState
from tests.model.transitions import START, State, Transition, Transitions

MOST_STATES: Final = 500_000  # more are a mistake in the model


class StateSpace:
    """The states of a shop, searched breadth first, so that the first path found is a shortest.

    settled: the states in which nothing is due any more.
    violations: by kind, the first state with it.
    """

    def __init__(self, shop: ShopModel) -> None:
        self.transitions = Transitions(shop)
        self.settled: list[State] = []
        self.violations: dict[str, State] = {}
        self._predecessors: dict[State, State | None] = {START: None}
        self._checked: set[tuple[object, ...]] = set()

    @property
    def size(self) -> int:
        return len(self._predecessors)

    def explore(self, until: str | None = None) -> "StateSpace":
        """Visit all states, or stop at the first violation of the kind `until`."""
        new = deque([START])
        while new and until not in self.violations:
            assert self.size < MOST_STATES
            state = new.popleft()
            try:
                new += self._successors(state)
            except Exception as error:
                error.add_note(" > ".join(self._names(state)))
                raise
        return self

    def traces(self) -> dict[str, list[str]]:
        """Return what happened before the first violation of each kind."""
        return {kind: self._names(state) for kind, state in self.violations.items()}

    def path_to(self, state: State) -> list[Transition]:
        """Return the shortest path to a state that was found."""
        path: list[Transition] = []
        while (before := self._predecessors[state]) is not None:
            path.append(next(one for one in self.transitions.of(before) if one.to == state))
            state = before
        return path[::-1]

    def shop_states(self) -> Iterator[ShopState]:
        """Return every combination of states of the services that was found."""
        found = {state.services for state in self._predecessors}
        return (self.transitions.shop_state(State(services)) for services in found)

    def _names(self, state: State) -> list[str]:
        return [transition.name for transition in self.path_to(state)]

    def _successors(self, state: State) -> Iterator[State]:
        settled = True
        for transition in self.transitions.of(state):
            settled = settled and not transition.due
            if transition.to not in self._predecessors:
                self._predecessors[transition.to] = state
                yield transition.to
        self._check(state, settled=settled)

    def _check(self, state: State, *, settled: bool) -> None:
        if settled:
            self.settled.append(state)
        for kind in self.transitions.effects_of_redelivery(state):
            self.violations.setdefault(kind, state)
        case = state.services, settled
        if case not in self._checked:
            self._checked.add(case)
            check = violations_when_settled if settled else violations
            for kind in check(self.transitions.shop_state(state)):
                self.violations.setdefault(kind, state)
