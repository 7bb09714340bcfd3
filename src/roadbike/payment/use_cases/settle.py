"""The end of every payment story: decide, save, tell."""

from collections.abc import Sequence

from roadbike.contracts.events import AnyPaymentEvent
from roadbike.kit.db import Tx
from roadbike.kit.messaging.outbox import publish
from roadbike.payment import domain, store
from roadbike.payment.domain import Payment


def settle(tx: Tx, payment: Payment) -> Payment:
    """Save the payment and whatever follows from its facts."""
    decided, events = domain.decide(payment)
    keep(tx, decided, events)
    return decided


def keep(tx: Tx, payment: Payment, events: Sequence[AnyPaymentEvent]) -> None:
    """Save the payment and tell what happened."""
    store.save(tx, payment)
    for event in events:
        publish(tx, event)
