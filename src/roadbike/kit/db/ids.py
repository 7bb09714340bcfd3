"""Ids made in the process."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A UUIDv7: unique without asking anybody, and sorted by the time it was made."""
    return uuid7()
