"""Messages between the services as bits, so that a set of messages is one integer."""

from collections.abc import Iterator, Sequence

from roadbike.kit.pure.events import Event
from tests.model.service_model import ServiceModel, ServiceState


class Mailbox:
    """All messages that were ever sent. A message is an event for one consuming service."""

    def __init__(self, services: Sequence[ServiceModel[ServiceState]]) -> None:
        self._services = services
        self._messages: list[tuple[int, Event]] = []
        self._numbers: dict[tuple[int, Event], int] = {}

    def send(self, published: Sequence[Event]) -> int:
        """Return the messages to all consumers of these events, one bit each."""
        messages = 0
        for event in published:
            for receiver, service in enumerate(self._services):
                if service.consumes(type(event)):
                    bit = 1 << self._number(receiver, event)
                    assert not messages & bit  # two equal messages would be one bit
                    messages |= bit
        return messages

    def open(self, bit: int) -> tuple[int, Event]:
        """Return the index of the receiving service, and the event."""
        return self._messages[bit.bit_length() - 1]

    def _number(self, receiver: int, event: Event) -> int:
        if (receiver, event) not in self._numbers:
            self._numbers[receiver, event] = len(self._messages)
            self._messages.append((receiver, event))
        return self._numbers[receiver, event]


def bits(messages: int) -> Iterator[int]:
    """Return the messages of a set one by one."""
    while messages:
        bit = messages & -messages
        yield bit
        messages ^= bit
