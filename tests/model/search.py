"""Every state that a shop can get into, and the shortest way to each kind of wrong."""

from collections import deque
from collections.abc import Iterator
from typing import Final

from tests.model.shop import Shop, World
from tests.model.ways import START, State, Way, Ways
from tests.model.wrong import wrong_at_rest, wrong_now

MOST: Final = 500_000  # states: more are a mistake


class Search:
    """Breadth first, so that the first way found to anything is a shortest one.

    at_rest: the states in which nothing is due any more. wrong: by kind, the first such state.
    """

    def __init__(self, shop: Shop) -> None:
        self.ways = Ways(shop)
        self.at_rest: list[State] = []
        self.wrong: dict[str, State] = {}
        self._before: dict[State, State | None] = {START: None}
        self._judged: set[tuple[object, ...]] = set()

    @property
    def states(self) -> int:
        return len(self._before)

    def run(self, until: str | None = None) -> "Search":
        """Go everywhere, or until something of that kind is wrong."""
        new = deque([START])
        while new and until not in self.wrong:
            assert self.states < MOST
            state = new.popleft()
            try:
                new += self._beyond(state)
            except Exception as error:
                error.add_note(" > ".join(self._names(state)))
                raise
        return self

    def traces(self) -> dict[str, list[str]]:
        """By kind of wrong, what happened until then."""
        return {kind: self._names(state) for kind, state in self.wrong.items()}

    def way_to(self, state: State) -> list[Way]:
        ways: list[Way] = []
        while (before := self._before[state]) is not None:
            ways.append(next(way for way in self.ways.of(before) if way.to == state))
            state = before
        return ways[::-1]

    def worlds(self) -> Iterator[World]:
        """Every combination of books that was found."""
        return (self.ways.world(State(books)) for books in {at.books for at in self._before})

    def _names(self, state: State) -> list[str]:
        return [way.name for way in self.way_to(state)]

    def _beyond(self, state: State) -> Iterator[State]:
        at_rest = True
        for way in self.ways.of(state):
            at_rest = at_rest and not way.due
            if way.to not in self._before:
                self._before[way.to] = state
                yield way.to
        self._judge(state, at_rest=at_rest)

    def _judge(self, state: State, *, at_rest: bool) -> None:
        if at_rest:
            self.at_rest.append(state)
        for kind in self.ways.repeats(state):
            self.wrong.setdefault(kind, state)
        case = state.books, at_rest
        if case not in self._judged:
            self._judged.add(case)
            judge = wrong_at_rest if at_rest else wrong_now
            for kind in judge(self.ways.world(state)):
                self.wrong.setdefault(kind, state)
