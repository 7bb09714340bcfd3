"""The states of a service by number, with each step between two of them computed only once.

So a state of the whole shop is a few integers, and a search can hold very many of them.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Generic, NamedTuple, TypeVar

from roadbike.kit.pure.events import Event
from tests.model.mailbox import Mailbox
from tests.model.service_model import ServiceModel, ServiceState, Step

S = TypeVar("S", bound=ServiceState)


class NumberedStep(NamedTuple):
    """The number of the state after a step, the published events, and their messages as bits."""

    state: int
    published: tuple[Event, ...] = ()
    messages: int = 0
    refused: bool = False


class NumberedStates(Generic[S]):
    """The states of one service. Number 0 is its first state."""

    def __init__(self, service: ServiceModel[S], mailbox: Mailbox) -> None:
        self.states: list[S] = []
        self._service, self._mailbox = service, mailbox
        self._numbers: dict[S, int] = {}
        self._number(service.state)
        self.consume = cache(self._consume)
        self.apply = cache(self._apply)
        self.actions = cache(lambda number: list(self._actions(number)))

    def _consume(self, number: int, event: Event) -> NumberedStep:
        return self._numbered(self._service.consume(self.states[number], event))

    def _apply(self, number: int, request: Callable[[ServiceModel[S], S], Step[S]]) -> NumberedStep:
        return self._numbered(request(self._service, self.states[number]))

    def _actions(self, number: int) -> Iterator[tuple[str, bool, NumberedStep]]:
        for action, step in self._service.possible_actions(self.states[number]):
            yield action.name, action.due, self._numbered(step)

    def _numbered(self, step: Step[S]) -> NumberedStep:
        refused = isinstance(step.result, Exception)
        messages = self._mailbox.send(step.published)
        return NumberedStep(self._number(step.state), step.published, messages, refused)

    def _number(self, state: S) -> int:
        if state not in self._numbers:
            self._numbers[state] = len(self.states)
            self.states.append(state)
        return self._numbers[state]
