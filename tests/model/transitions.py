"""What may happen next in the shop: any message may be the next to arrive, any action be taken."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from roadbike.kit.pure.events import Event
from tests.model.mailbox import Mailbox, bits
from tests.model.numbered_states import NumberedStates, NumberedStep
from tests.model.payment_model import open_payment
from tests.model.reservation_model import give_up_not_opened, register_opened
from tests.model.shop_model import ShopModel, ShopState


class OpenCall(NamedTuple):
    """The synchronous call from reservation to payment.

    requests: the number of requests on their way to payment.
    opened, refused: an answer of this kind is on its way back.
    """

    requests: int = 1
    opened: bool = False
    refused: bool = False
    retried: bool = False


class State(NamedTuple):
    """The states of the services by number, and what is on its way between the services.

    messages: those that did not arrive yet, one bit each.
    consumed: those that did arrive and may be delivered again.
    """

    services: tuple[int, ...] = (0, 0, 0, 0)
    call: OpenCall = OpenCall()
    messages: int = 0
    consumed: int = 0


class Transition(NamedTuple):
    """One thing that may happen next. due: it happens sooner or later in any case."""

    name: str
    to: State
    due: bool = False
    published: tuple[Event, ...] = ()


START: Final = State()
SERVICES: Final = ("reservation", "payment", "stock", "delivery")
RESERVATION, PAYMENT = 0, 1


class Transitions:
    """All transitions of one shop."""

    def __init__(self, shop: ShopModel) -> None:
        mailbox = Mailbox(shop.services)
        self._shop, self._mailbox = shop, mailbox
        self._services: list[NumberedStates[Any]] = [
            NumberedStates(service, mailbox) for service in shop.services
        ]
        self._reservation, self._payment = self._services[:2]

    def shop_state(self, state: State) -> ShopState:
        numbered = zip(self._services, state.services, strict=True)
        return ShopState(*(service.states[number] for service, number in numbered))

    def of(self, state: State) -> Iterator[Transition]:
        """Return all transitions from the state."""
        yield from self._messages(state)
        yield from self._actions(state)
        yield from self._call(state)
        yield from self._answer(state)

    def effects_of_redelivery(self, state: State) -> Iterator[str]:
        """Return a violation for each consumed message that would have an effect again."""
        for bit in bits(state.consumed):
            receiver, event = self._mailbox.open(bit)
            number = state.services[receiver]
            if self._services[receiver].consume(number, event) != NumberedStep(number):
                yield f"{SERVICES[receiver]} consumes {_name(event)} again, with an effect"

    def _messages(self, state: State) -> Iterator[Transition]:
        for bit in bits(state.messages):
            receiver, event = self._mailbox.open(bit)
            step = self._services[receiver].consume(state.services[receiver], event)
            name = f"{SERVICES[receiver]} consumes {_name(event)}"
            yield self._transition(name, state, receiver, step, due=True, arrived=bit)

    def _actions(self, state: State) -> Iterator[Transition]:
        for index, service in enumerate(self._services):
            for name, due, step in service.actions(state.services[index]):
                yield self._transition(name, state, index, step, due=due)

    def _call(self, state: State) -> Iterator[Transition]:
        """A request is lost, is not sent, or arrives late; its answer may be lost as well."""
        call = state.call
        may_retry = self._shop.retries and not call.retried
        if may_retry and self._reservation.states[state.services[RESERVATION]].is_pending:
            more = call._replace(requests=call.requests + 1, retried=True)
            yield Transition("the buyer retries", state._replace(call=more))
        if not call.requests:
            return
        lost = call._replace(requests=call.requests - 1)
        yield Transition("the request is lost", state._replace(call=lost), due=True)
        refused = lost._replace(refused=True)
        not_sent = self._simplified(state._replace(call=refused))
        yield Transition("the request is not sent", not_sent, due=True)
        step = self._payment.apply(state.services[PAYMENT], open_payment)
        name = "payment refuses" if step.refused else "payment opens"
        answered = refused if step.refused else lost._replace(opened=True)
        yield self._transition(name, state, PAYMENT, step, due=True, call=answered)
        name += ", the answer is lost"
        yield self._transition(name, state, PAYMENT, step, due=True, call=lost)

    def _answer(self, state: State) -> Iterator[Transition]:
        if state.call.opened:
            step = self._reservation.apply(state.services[RESERVATION], register_opened)
            call = state.call._replace(opened=False)
            yield self._transition("register", state, RESERVATION, step, call=call)
        if state.call.refused:
            step = self._reservation.apply(state.services[RESERVATION], give_up_not_opened)
            call = state.call._replace(refused=False)
            yield self._transition("give up", state, RESERVATION, step, call=call)

    def _transition(
        self,
        name: str,
        state: State,
        index: int,
        step: NumberedStep,
        *,
        due: bool = False,
        arrived: int = 0,
        call: OpenCall | None = None,
    ) -> Transition:
        messages = state.messages ^ arrived
        assert not messages & step.messages, f"{name}: published again before the first arrived"
        to = State(
            services=(*state.services[:index], step.state, *state.services[index + 1 :]),
            call=call or state.call,
            messages=messages | step.messages,
            consumed=state.consumed | arrived if self._shop.redelivers else 0,
        )
        return Transition(name, self._simplified(to), due, step.published)

    def _simplified(self, state: State) -> State:
        """Drop answers that have no effect any more, so that there are fewer states."""
        call = state.call
        if (call.opened or call.refused) and self._ignores_answers(state.services[RESERVATION]):
            return state._replace(call=call._replace(opened=False, refused=False))
        return state

    def _ignores_answers(self, reservation: int) -> bool:
        unchanged = NumberedStep(reservation)
        steps = (register_opened, give_up_not_opened)
        return all(self._reservation.apply(reservation, step) == unchanged for step in steps)


def _name(event: object) -> str:
    return type(event).__name__
