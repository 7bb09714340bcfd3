"""Dead letters as services show them to the operator's commands."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

PATH: Final = "/internal/dead-letters"
ALL_PATH: Final = "/internal/parked-messages"


class DeadLetter(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message in the table of parked messages.

    id: its number in this service. state: parked, stuck, dead, kept or dismissed.
    age_seconds: since it was parked. attempts: that failed. error: of the last one.
    dismissed_by, dismissed_why: who dismissed it, and the reason that they gave.
    data: of the event, when one letter is asked for.
    """

    id: int
    event_id: str
    topic: str
    type: str
    key: str
    state: str
    age_seconds: int
    attempts: int
    error: str
    dismissed_by: str | None = None
    dismissed_why: str | None = None
    data: str | None = None


class DeadLetters(Struct, frozen=True):
    """total: of all letters, of which so many are listed as fit one answer."""

    letters: Sequence[DeadLetter]
    total: int


class Changed(Struct, frozen=True):
    """The letters that a command has changed."""

    ids: Sequence[int]
