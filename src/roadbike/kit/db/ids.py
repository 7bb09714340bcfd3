"""Ids that a process creates without asking the database."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """Return a new UUIDv7: unique, and sorted by its time of creation."""
    return uuid7()
