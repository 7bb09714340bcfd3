"""A service on paper: its real policies and use cases, from one state of its books to the next."""

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
from tests.at_work import message
from tests.model.paper import PaperTx, Rows, at_once

RESERVATION_ID: Final = UUID(int=1)
PAYMENT_ID: Final = UUID(int=2)
DELIVERY_ID: Final = UUID(int=3)
BIKE_ID: Final = 1
PRICE: Final = 5_100_000
BUYER: Final = "kim"

BLANK_PAGE: Final = Purchase(reservation_id=RESERVATION_ID, bike_id=BIKE_ID)

UseCase = Callable[[Tx], Awaitable[object]]


class Books(Protocol):
    """All that one service knows of the purchase; frozen, and equal when nothing differs.

    page: what my page shows of it, from what the service has told.
    """

    @property
    def page(self) -> Purchase: ...

    def rows(self) -> Rows:
        """Its tables."""
        ...

    def after(self, tx: PaperTx) -> Self:
        """The books with what the transaction has written, ids and times made comparable."""
        ...


B = TypeVar("B", bound=Books)


@dataclass(frozen=True, slots=True)
class Step(Generic[B]):
    """Where a move leads, and what is told of it. answer: what the use case returned."""

    books: B
    told: tuple[Event, ...] = ()
    answer: Any = None


@dataclass(frozen=True, slots=True)
class Move(Generic[B]):
    """Something that may happen in the service, other than a message.

    books: after what happened outside (at the provider). due: it will surely happen, if late.
    """

    name: str
    books: B
    use_case: UseCase | None = None
    due: bool = False


@dataclass(frozen=True, kw_only=True)
class House(Generic[B]):
    """amend: how the service deviates from itself, to see that a rule is needed."""

    name: str
    books: B
    policies: Sequence[Policy]
    moves: Callable[[B], Iterable[Move[B]]]
    amend: Callable[[B, Step[B]], Step[B]] = field(default=lambda _before, step: step)

    def consumes(self, event: type[Event]) -> bool:
        return any(policy.event is event for policy in self.policies)

    def hear(self, books: B, event: Event) -> Step[B]:
        """React to the event as it arrives over the wire."""
        (policy,) = (policy for policy in self.policies if policy.event is type(event))
        told = policy.decode(msgspec.json.encode(event))
        return self.run(books, lambda tx: policy.act(tx, told, message(event)))

    def moved(self, books: B) -> Iterator[tuple[Move[B], Step[B]]]:
        """What else may happen here, and is neither refused nor without effect."""
        for move in self.moves(books):
            try:
                step = self.run(move.books, move.use_case) if move.use_case else Step(move.books)
            except Refusal:
                continue
            if step.books != books or step.told:
                yield move, step

    def run(self, books: B, use_case: UseCase) -> Step[B]:
        tx = PaperTx(books.rows())
        answer = at_once(use_case(tx))
        after = replace(cast("Any", books.after(tx)), page=_read(books.page, tx.told))
        return self.amend(books, Step(after, tuple(_plain(event) for event in tx.told), answer))

    def deaf_to(self, event: type[Event]) -> "House[B]":
        """The same service, were it not told of such events."""
        return replace(self, policies=[one for one in self.policies if one.event is not event])


def _read(page: Purchase, told: Sequence[Event]) -> Purchase:
    """My page after more was told, in order; its versions forgotten, which only grow."""
    for at, event in enumerate(told, 1):
        if isinstance(event, get_args(AnyPurchaseEvent)):
            page = mypage.apply(page, cast("AnyPurchaseEvent", event.with_version(at)))
    return replace(
        page, reservation_version=0, allocation_version=0, payment_version=0, delivery_version=0
    )


def _plain(event: Event) -> Event:
    """The event without what makes no difference to anybody who hears it."""
    plain = {"version": 0, "reason": Reason.BUYER} | PLAIN_IDS
    return msgspec.structs.replace(
        event, **{name: value for name, value in plain.items() if getattr(event, name, None)}
    )


PLAIN_IDS: Final = {"payment_id": PAYMENT_ID, "delivery_id": DELIVERY_ID}
