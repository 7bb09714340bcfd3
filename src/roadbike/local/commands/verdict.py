"""What in a shop needs a person, and the exit code of `roadbike status`: both decided here only."""

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum, StrEnum
from typing import Any, Final

import msgspec
from msgspec import UNSET

from roadbike.local.commands.status import PartStatus


class ExitCode(IntEnum):
    """What `roadbike status` ends with."""

    ALL_IS_WELL = 0
    NEEDS_A_PERSON = 1
    NO_SHOP_IS_OPEN = 2


class Reason(StrEnum):
    """Why a part needs a person; the value stands in the JSON of `roadbike status`."""

    NOT_READY = "not-ready"
    MISSING = "missing-in-broker"
    STUCK = "stuck-events"
    DEAD = "dead-letters"
    REFUSED = "refused-events"


RULES: Final[Mapping[Reason, Callable[[PartStatus], bool]]] = {
    Reason.NOT_READY: lambda row: not row.ready,
    Reason.MISSING: lambda row: row.missing is not UNSET and row.missing > 0,
    Reason.STUCK: lambda row: row.stuck is not UNSET and row.stuck > 0,
    Reason.DEAD: lambda row: row.dead is not UNSET and row.dead > 0,
    Reason.REFUSED: lambda row: row.refused is not UNSET and row.refused > 0,
}


def reasons(row: PartStatus) -> list[Reason]:
    """Return why this part needs a person; empty when it does not."""
    return [reason for reason, applies in RULES.items() if applies(row)]


def with_reasons(row: PartStatus) -> dict[str, Any]:
    """Return the row as JSON shows it."""
    shown: dict[str, Any] = msgspec.to_builtins(row)
    return shown | {"needs_a_person": reasons(row)}


def exit_code(rows: Sequence[PartStatus]) -> ExitCode:
    """Return the exit code for the parts of an open shop."""
    return ExitCode.NEEDS_A_PERSON if any(map(reasons, rows)) else ExitCode.ALL_IS_WELL
