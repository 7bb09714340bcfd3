"""The result of a fault script, printed as one line and returned as an exit code."""

import asyncio
import signal
import sys
import traceback
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final

NOT_SEEN: Final = 0
SEEN: Final = 1
NOT_TRIED: Final = 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether the fault was seen, and the measurement in one line."""

    seen: bool
    text: str


class CannotTry(Exception):
    """The fault could not be provoked; the message says why."""


class Prevented(Exception):
    """The shop prevents the provocation: the fault is not seen; the message says how."""


@dataclass
class Checks:
    """Several small checks of one script; each wrong answer counts as the fault."""

    wrong: list[str] = field(default_factory=list)
    made: int = 0

    def check(self, what: str, seen: object, *, right: bool) -> None:
        """Print what was seen and note whether it is right."""
        say(f"{'right' if right else 'WRONG'}  {what} -> {seen}")
        self.made += 1
        if not right:
            self.wrong.append(what)

    @property
    def outcome(self) -> Outcome:
        """Return the fault as seen when at least one check is wrong."""
        if not self.made:
            raise CannotTry("nothing was checked")
        return Outcome(bool(self.wrong), f"{len(self.wrong)} of {self.made} checks are wrong")


Provoke = Callable[[], Outcome] | Callable[[], Coroutine[Any, Any, Outcome]]


def run(provoke: Provoke) -> int:
    """Provoke the fault; print the outcome and return the exit code.

    An unexpected exception is NOT_TRIED, so that it is never mistaken for the fault.
    """
    signal.signal(signal.SIGTERM, _stop)
    try:
        found = provoke()
        outcome = found if isinstance(found, Outcome) else asyncio.run(found)
    except Prevented as reason:
        outcome = Outcome(seen=False, text=str(reason))
    except CannotTry as reason:
        say(f"NOT TRIED: {reason}")
        return NOT_TRIED
    except Exception as error:  # noqa: BLE001 exit code 1 is for the fault only
        traceback.print_exc()
        say(f"NOT TRIED: {type(error).__name__}: {error}")
        return NOT_TRIED
    say(f"{'SEEN' if outcome.seen else 'NOT SEEN'}: {outcome.text}")
    return SEEN if outcome.seen else NOT_SEEN


def say(line: object) -> None:
    """Print one line at once."""
    print(line, flush=True)  # noqa: T201 a script's output


def _stop(_number: int, _frame: object) -> None:
    sys.exit(NOT_TRIED)  # unwinds, so that the shop is closed and its folder deleted
