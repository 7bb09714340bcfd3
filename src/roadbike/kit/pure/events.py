"""The base class of every event, and the exception for one that must not take effect."""

from typing import ClassVar, Self

import msgspec


class RefusedEvent(Exception):
    """The event must not take effect, now or later.

    It does not come from its only publisher, or it contradicts what the consumer knows better.
    """


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A fact about one aggregate, named in the past tense. Fields are only ever added.

    `version` numbers the published events of one (kind, key) from 1, without gaps. It is 0 until
    `kit.messaging.outbox.publish` sets it at the commit.
    """

    namespace: ClassVar[str]  # first word of the CloudEvents type
    schema: ClassVar[int] = 1  # last word of the CloudEvents type: 1 gives `v1`
    kind: ClassVar[str]  # kind of aggregate, e.g. `payment`; versions are counted per kind and key
    topic: ClassVar[str]  # topic of the broker to which it is sent
    source: ClassVar[str]  # the only service that publishes it, and the only one on its topic

    version: int = 0

    @property
    def key(self) -> str:
        """Return the id of the aggregate; events of one key are sent in the order of publishing.

        Letters, digits, `-` and `_`, at most 64 of them.
        """
        raise NotImplementedError

    @classmethod
    def type_name(cls) -> str:
        """Return the CloudEvents type, e.g. `bike.ReservationCancelled.v1`."""
        return f"{cls.namespace}.{cls.__name__}.v{cls.schema}"

    @classmethod
    def of(cls, aggregate: object, **more: object) -> Self:
        """Return the event, its fields taken from the aggregate's attributes of the same names.

        An aggregate therefore needs an attribute or a property for each field of its events.
        more: values that replace those of the aggregate.
        Raises msgspec.ValidationError when the aggregate lacks a field that has no default.
        """
        event = msgspec.convert(aggregate, cls, from_attributes=True)
        return msgspec.structs.replace(event, **more) if more else event

    def with_version(self, version: int) -> Self:
        """Return the event with this version."""
        return msgspec.structs.replace(self, version=version)
