"""The base of every event."""

from typing import ClassVar, Self

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that happened: named in the past tense, never changed, only added to.

    `version` counts what was told of one (kind, key), from 1, without gaps; `tell` sets it.
    """

    namespace: ClassVar[str]  # the first word of the CloudEvents type
    schema: ClassVar[int] = 1  # its last: v1
    kind: ClassVar[str]  # what it is about; versions are counted per kind and key
    topic: ClassVar[str]  # where it is told

    version: int = 0

    @property
    def key(self) -> str:
        """Events with the same key are relayed in the order in which they were told."""
        raise NotImplementedError

    @classmethod
    def type_name(cls) -> str:
        """The CloudEvents type, e.g. `bike.ReservationCancelled.v1`."""
        return f"{cls.namespace}.{cls.__name__}.v{cls.schema}"

    @classmethod
    def of(cls, aggregate: object, **more: object) -> Self:
        """The event with its fields taken from the aggregate's attributes of the same names.

        Raises msgspec.ValidationError when the aggregate lacks what the event has to carry.
        """
        event = msgspec.convert(aggregate, cls, from_attributes=True)
        return msgspec.structs.replace(event, **more) if more else event

    def with_version(self, version: int) -> Self:
        """The event with the version it is told under."""
        return msgspec.structs.replace(self, version=version)
