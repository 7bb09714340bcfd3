"""The request for topics as they are, with their ids, which aiokafka does not ask for."""

from collections.abc import Collection
from dataclasses import dataclass
from io import BytesIO
from typing import ClassVar, Final
from uuid import UUID

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import NodeNotReadyError, UnknownTopicOrPartitionError, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    AbstractType,
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

METADATA: Final = 3  # the API key
VERSION: Final = 12  # the first one with ids of topics in requests and answers; Kafka 3.0
NOBODY: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition: its leader (-1: none), the number of its replicas, and of those in sync."""

    number: int
    leader: int
    replicas: int
    in_sync: int


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it is. id: another one for each topic that was made under the same name."""

    name: str
    id: str
    partitions: tuple[Partition, ...]

    @property
    def numbers(self) -> tuple[int, ...]:
        """Return the numbers of its partitions."""
        return tuple(partition.number for partition in self.partitions)

    @property
    def is_led(self) -> bool:
        """Return whether each partition has a leader."""
        return all(partition.leader >= 0 for partition in self.partitions)


class _Uuid(AbstractType[UUID]):  # type: ignore[misc]  # aiokafka has no types
    @classmethod
    def encode(cls, value: UUID) -> bytes:
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> UUID:
        return UUID(bytes=data.read(16))


_TEXT: Final = CompactString("utf-8")
_PARTITION: Final = (
    ("error", Int16),
    ("number", Int32),
    ("leader", Int32),
    ("leader_epoch", Int32),
    ("replicas", CompactArray(Int32)),
    ("in_sync", CompactArray(Int32)),
    ("offline", CompactArray(Int32)),
    ("tags", TaggedFields),
)


class _Answer(Response):  # type: ignore[misc]
    API_KEY: ClassVar[int] = METADATA
    API_VERSION: ClassVar[int] = VERSION
    SCHEMA: ClassVar[Schema] = Schema(
        ("throttle_time", Int32),
        (
            "brokers",
            CompactArray(
                ("id", Int32),
                ("host", _TEXT),
                ("port", Int32),
                ("rack", _TEXT),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", _TEXT),
        ("controller", Int32),
        (
            "topics",
            CompactArray(
                ("error", Int16),
                ("name", _TEXT),
                ("id", _Uuid),
                ("is_internal", Boolean),
                ("partitions", CompactArray(*_PARTITION)),
                ("operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _Question(RequestStruct):  # type: ignore[misc]
    API_KEY: ClassVar[int] = METADATA
    API_VERSION: ClassVar[int] = VERSION
    FLEXIBLE_VERSION: ClassVar[bool] = True
    RESPONSE_TYPE: ClassVar[type[Response]] = _Answer
    SCHEMA: ClassVar[Schema] = Schema(
        ("topics", CompactArray(("id", _Uuid), ("name", _TEXT), ("tags", TaggedFields))),
        ("may_make_them", Boolean),
        ("wants_operations", Boolean),
        ("tags", TaggedFields),
    )


class _Topics(Request[_Question]):  # type: ignore[misc]
    API_KEY: ClassVar[int] = METADATA

    def __init__(self, names: Collection[str]) -> None:
        self._names = names

    def build(self, request_struct_class: type[_Question]) -> _Question:
        no_tags: dict[int, bytes] = {}
        wanted = [(NOBODY, name, no_tags) for name in self._names]
        return request_struct_class(wanted, False, False, no_tags)  # noqa: FBT003  aiokafka's form


async def topics_of(client: AIOKafkaClient, names: Collection[str]) -> dict[str, Topic]:
    """Return those of the topics that exist, by name; none of them is made by asking.

    Raises aiokafka's errors, also for a topic that may not be looked at.
    """
    node = client.get_random_node()
    if node is None:
        raise NodeNotReadyError
    answer = await client.send(node, _Topics(names))
    found = {}
    for error, name, id_, _, partitions, *_ in answer.topics:
        kind = for_code(error)
        if kind is UnknownTopicOrPartitionError:
            continue
        if error:
            raise kind(name)
        found[name] = Topic(name, id_.hex, tuple(sorted(map(_partition, partitions), key=_number)))
    return found


def _partition(row: tuple[object, ...]) -> Partition:
    _, number, leader, _, replicas, in_sync, *_ = row
    assert isinstance(number, int)
    assert isinstance(leader, int)
    assert isinstance(replicas, list)
    assert isinstance(in_sync, list)
    return Partition(number, leader, len(replicas), len(in_sync))


def _number(partition: Partition) -> int:
    return partition.number
