"""Books by number: each step from one to the next is taken once, by the real use case.

So a state of the whole shop is a few integers, and there may be many of them.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Generic, NamedTuple, TypeVar

from roadbike.kit.pure.events import Event
from tests.model.house import Books, House, Step

B = TypeVar("B", bound=Books)


class Result(NamedTuple):
    """The number of the books after a step, what was told, and its letters, one bit each."""

    books: int
    told: tuple[Event, ...] = ()
    mail: int = 0
    refused: bool = False


class Post:
    """Every letter there ever was: an event on its way to one who hears of it."""

    def __init__(self, houses: Sequence[House[Books]]) -> None:
        self._houses = houses
        self._letters: list[tuple[int, Event]] = []
        self._numbers: dict[tuple[int, Event], int] = {}

    def sent(self, told: Sequence[Event]) -> int:
        """A letter to everybody who hears of it."""
        mail = 0
        for event in told:
            for at, house in enumerate(self._houses):
                if house.consumes(type(event)):
                    letter = 1 << self._number(at, event)
                    assert not mail & letter  # two that nobody could tell apart
                    mail |= letter
        return mail

    def read(self, letter: int) -> tuple[int, Event]:
        """To whom it goes, and what it says."""
        return self._letters[letter.bit_length() - 1]

    def _number(self, at: int, event: Event) -> int:
        if (at, event) not in self._numbers:
            self._numbers[at, event] = len(self._letters)
            self._letters.append((at, event))
        return self._numbers[at, event]


class Desk(Generic[B]):
    """One service's books by number. Number 0 are those it begins with."""

    def __init__(self, house: House[B], post: Post) -> None:
        self.books: list[B] = []
        self._house, self._post = house, post
        self._numbers: dict[B, int] = {}
        self._number(house.books)
        self.hear = cache(self._hear)
        self.take = cache(self._take)
        self.moves = cache(lambda number: list(self._moves(number)))

    def _hear(self, number: int, event: Event) -> Result:
        return self._result(self._house.hear(self.books[number], event))

    def _take(self, number: int, step: Callable[[House[B], B], Step[B]]) -> Result:
        return self._result(step(self._house, self.books[number]))

    def _moves(self, number: int) -> Iterator[tuple[str, bool, Result]]:
        for move, step in self._house.moved(self.books[number]):
            yield move.name, move.due, self._result(step)

    def _result(self, step: Step[B]) -> Result:
        refused = isinstance(step.answer, Exception)
        mail = self._post.sent(step.told)
        return Result(self._number(step.books), step.told, mail, refused)

    def _number(self, books: B) -> int:
        if books not in self._numbers:
            self._numbers[books] = len(self.books)
            self.books.append(books)
        return self._numbers[books]


def bits(mail: int) -> Iterator[int]:
    """The letters of a heap, one by one."""
    while mail:
        letter = mail & -mail
        yield letter
        mail ^= letter
