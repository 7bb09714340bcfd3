"""What may happen next in a shop: any letter may be the next to arrive, any move be made."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from roadbike.kit.pure.events import Event
from tests.model.desk import Desk, Post, Result, bits
from tests.model.payment import put
from tests.model.reservation import tx_2, tx_2_undone
from tests.model.shop import Shop, World


class Call(NamedTuple):
    """What reservation asks of payment: calls on their way there, answers on theirs back."""

    asked: int = 1
    opened: bool = False
    refused: bool = False
    asked_again: bool = False


class State(NamedTuple):
    """The books of each service, by number, and what is on its way between the services.

    mail: letters that did not arrive yet, one bit each. heard: those that did, and may again.
    """

    books: tuple[int, ...] = (0, 0, 0, 0)
    call: Call = Call()
    mail: int = 0
    heard: int = 0


class Way(NamedTuple):
    """One thing that may happen next. due: it surely happens, sooner or later."""

    name: str
    to: State
    due: bool = False
    told: tuple[Event, ...] = ()


START: Final = State()
HOUSES: Final = ("reservation", "payment", "stock", "delivery")
RESERVATION, PAYMENT = 0, 1


class Ways:
    """All ways there are in one shop."""

    def __init__(self, shop: Shop) -> None:
        post = Post(shop.houses)
        self._shop, self._post = shop, post
        self._desks: list[Desk[Any]] = [Desk(house, post) for house in shop.houses]
        self._reservation, self._payment = self._desks[:2]

    def world(self, state: State) -> World:
        return World(*(known[at] for known, at in zip(self.books, state.books, strict=True)))

    @property
    def books(self) -> list[list[Any]]:
        """All that each service may come to know, in the order of World's fields."""
        return [desk.books for desk in self._desks]

    def of(self, state: State) -> Iterator[Way]:
        yield from self._mail(state)
        yield from self._moves(state)
        yield from self._call(state)
        yield from self._answer(state)

    def repeats(self, state: State) -> Iterator[str]:
        """The letters that change something when they come again. None may."""
        for letter in bits(state.heard):
            at, event = self._post.read(letter)
            if self._desks[at].hear(state.books[at], event) != Result(state.books[at]):
                yield f"{HOUSES[at]} hears {_name(event)} again, and something changes"

    def _mail(self, state: State) -> Iterator[Way]:
        for letter in bits(state.mail):
            at, event = self._post.read(letter)
            result = self._desks[at].hear(state.books[at], event)
            name = f"{HOUSES[at]} hears {_name(event)}"
            yield self._way(name, state, at, result, due=True, arrived=letter)

    def _moves(self, state: State) -> Iterator[Way]:
        for at, desk in enumerate(self._desks):
            for name, due, result in desk.moves(state.books[at]):
                yield self._way(name, state, at, result, due=due)

    def _call(self, state: State) -> Iterator[Way]:
        """It arrives late, gets lost, cannot be sent, and is answered, which may get lost too."""
        call = state.call
        again = self._shop.retries and not call.asked_again
        if again and self._reservation.books[state.books[RESERVATION]].is_intent:
            more = call._replace(asked=call.asked + 1, asked_again=True)
            yield Way("the buyer asks again", state._replace(call=more))
        if not call.asked:
            return
        unheard = call._replace(asked=call.asked - 1)
        yield Way("the call is lost", state._replace(call=unheard), due=True)
        refused = unheard._replace(refused=True)
        yield Way("the call is not sent", self._tidy(state._replace(call=refused)), due=True)
        result = self._payment.take(state.books[PAYMENT], put)
        name = "payment refuses" if result.refused else "payment opens"
        answer = refused if result.refused else unheard._replace(opened=True)
        yield self._way(name, state, PAYMENT, result, due=True, call=answer)
        yield self._way(f"{name}, unheard", state, PAYMENT, result, due=True, call=unheard)

    def _answer(self, state: State) -> Iterator[Way]:
        if state.call.opened:
            result = self._reservation.take(state.books[RESERVATION], tx_2)
            read = state.call._replace(opened=False)
            yield self._way("tx 2", state, RESERVATION, result, call=read)
        if state.call.refused:
            result = self._reservation.take(state.books[RESERVATION], tx_2_undone)
            read = state.call._replace(refused=False)
            yield self._way("tx 2'", state, RESERVATION, result, call=read)

    def _way(
        self,
        name: str,
        state: State,
        at: int,
        result: Result,
        *,
        due: bool = False,
        arrived: int = 0,
        call: Call | None = None,
    ) -> Way:
        mail = state.mail ^ arrived
        assert not mail & result.mail, f"{name}: told again, the first still on its way"
        to = State(
            books=(*state.books[:at], result.books, *state.books[at + 1 :]),
            call=call or state.call,
            mail=mail | result.mail,
            heard=state.heard | arrived if self._shop.repeats else 0,
        )
        return Way(name, self._tidy(to), due, result.told)

    def _tidy(self, state: State) -> State:
        """Answers that change nothing any more need not be told apart."""
        call = state.call
        if (call.opened or call.refused) and self._ignores_answers(state.books[RESERVATION]):
            return state._replace(call=call._replace(opened=False, refused=False))
        return state

    def _ignores_answers(self, reservation: int) -> bool:
        unmoved = Result(reservation)
        answers = (tx_2, tx_2_undone)
        return all(self._reservation.take(reservation, one) == unmoved for one in answers)


def _name(event: object) -> str:
    return type(event).__name__
