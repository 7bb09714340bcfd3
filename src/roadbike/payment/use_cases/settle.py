"""How the use cases end that learnt a fact: decide, save, publish."""

from roadbike.kit.db import Tx
from roadbike.kit.messaging.outbox import publish_all
from roadbike.payment import domain, store
from roadbike.payment.domain import Payment


def settle(tx: Tx, payment: Payment) -> Payment:
    """Decide what follows from the payment's facts, save the payment, publish the events."""
    decided, events = domain.decide(payment)
    store.save(tx, decided)
    publish_all(tx, events)
    return decided
