"""The model of a service: its real policies and use cases, as steps from one state to the next."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, Protocol, Self, TypeVar, cast, get_args
from uuid import UUID

import msgspec

from roadbike.contracts.events import AnyPurchaseEvent
from roadbike.contracts.reasons import Reason
from roadbike.kit.db import Tx
from roadbike.kit.messaging.inbox import Policy
from roadbike.kit.pure.events import Event
from roadbike.kit.pure.refusals import Refusal
from roadbike.mypage import domain as mypage
from roadbike.mypage.domain import Purchase
from tests.model.in_memory_tx import InMemoryTx, Rows, result_of
from tests.service_harness import message

RESERVATION_ID: Final = UUID(int=1)
PAYMENT_ID: Final = UUID(int=2)
DELIVERY_ID: Final = UUID(int=3)
BIKE_ID: Final = 1
PRICE: Final = 5_100_000
BUYER: Final = "kim"

BLANK_PAGE: Final = Purchase(reservation_id=RESERVATION_ID, bike_id=BIKE_ID)

UseCase = Callable[[Tx], Awaitable[object]]


class ServiceState(Protocol):
    """All that one service has stored about the purchase; frozen, and compared by value.

    page: the projection of all events of the purchase that the service has published.
    """

    @property
    def page(self) -> Purchase: ...

    def rows(self) -> Rows:
        """Return the rows of its tables."""
        ...

    def after(self, tx: InMemoryTx) -> Self:
        """Return the state after the transaction, with random ids and times replaced."""
        ...


S = TypeVar("S", bound=ServiceState)


@dataclass(frozen=True, slots=True)
class Step(Generic[S]):
    """The state after one transaction, the events it published and what the use case returned."""

    state: S
    published: tuple[Event, ...] = ()
    result: Any = None


@dataclass(frozen=True, slots=True)
class Action(Generic[S]):
    """Something other than a message that may happen in the service.

    state: after what happened outside of the service (at the provider), before the use case.
    due: it happens sooner or later in any case.
    """

    name: str
    state: S
    use_case: UseCase | None = None
    due: bool = False


@dataclass(frozen=True, kw_only=True)
class ServiceModel(Generic[S]):
    """A service: its first state, its policies, and the actions that each state allows.

    deviate: replaces a step by a wrong one, to show that a rule is needed.
    """

    name: str
    state: S
    policies: Sequence[Policy]
    actions: Callable[[S], Iterable[Action[S]]]
    deviate: Callable[[S, Step[S]], Step[S]] = field(default=lambda _before, step: step)

    def consumes(self, event: type[Event]) -> bool:
        return any(policy.event is event for policy in self.policies)

    def consume(self, state: S, event: Event) -> Step[S]:
        """React to the event as decoded from its wire format."""
        (policy,) = (policy for policy in self.policies if policy.event is type(event))
        decoded = policy.decode(msgspec.json.encode(event))
        return self.execute(state, lambda tx: policy.act(tx, decoded, message(event)))

    def possible_actions(self, state: S) -> Iterator[tuple[Action[S], Step[S]]]:
        """Return the actions that are neither refused nor without effect, with their steps."""
        for action in self.actions(state):
            try:
                step = (
                    self.execute(action.state, action.use_case)
                    if action.use_case
                    else Step(action.state)
                )
            except Refusal:
                continue
            if step.state != state or step.published:
                yield action, step

    def execute(self, state: S, use_case: UseCase) -> Step[S]:
        """Run the use case in one transaction."""
        tx = InMemoryTx(state.rows())
        result = result_of(use_case(tx))
        after = replace(cast("Any", state.after(tx)), page=_projected(state.page, tx.published))
        published = tuple(_comparable(event) for event in tx.published)
        return self.deviate(state, Step(after, published, result))

    def ignoring(self, event: type[Event]) -> "ServiceModel[S]":
        """Return the same service without its policy for these events."""
        return replace(self, policies=[policy for policy in self.policies if policy.event != event])


def _projected(page: Purchase, published: Sequence[Event]) -> Purchase:
    """Apply the events to the page, in order; its versions, which only grow, are set back to 0."""
    for version, event in enumerate(published, 1):
        if isinstance(event, get_args(AnyPurchaseEvent)):
            page = mypage.apply(page, cast("AnyPurchaseEvent", event.with_version(version)))
    return replace(
        page, reservation_version=0, allocation_version=0, payment_version=0, delivery_version=0
    )


def _comparable(event: Event) -> Event:
    """Return the event with fixed values for version, reason and random ids.

    Its consumers do not decide by these.
    """
    fixed = {"version": 0, "reason": Reason.BUYER} | FIXED_IDS
    return msgspec.structs.replace(
        event, **{name: value for name, value in fixed.items() if getattr(event, name, None)}
    )


FIXED_IDS: Final = {"payment_id": PAYMENT_ID, "delivery_id": DELIVERY_ID}
