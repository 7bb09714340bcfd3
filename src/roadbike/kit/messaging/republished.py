"""The id of an event that is published again, for readers that have lost it or are new."""

from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

PREFIX: Final = "roadbike:republished"  # another name would make other ids: consumers know these


def republished_id(topic: str, kind: str, key: str, version: int) -> UUID:
    """Return the UUIDv5 of (topic, kind, key, version): the same each time it is published again.

    Groups that have consumed it drop it by that id; those that consumed only the first one know
    its version.
    """
    return uuid5(NAMESPACE_URL, f"{PREFIX}/{topic}/{kind}/{key}/{version}")
