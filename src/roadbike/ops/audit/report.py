"""What an audit has found, as sentences and as JSON."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from roadbike.local.texts import say

SHOWN: Final = 10  # violations of each invariant; JSON has all


class Violation(msgspec.Struct, frozen=True, order=True):
    """One violation. key: of the reservation, bike, event, aggregate, attempt or user.

    about: what was found there, in the words of the databases; may be empty.
    """

    key: str
    about: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """violations: by invariant, of each one that was checked; without any, its list is empty.

    not_checked: the reason by invariant, also of those that were checked in part only. busy: what
    the services still had to do when the audit stopped waiting. seconds: how long it took.
    """

    violations: dict[str, list[Violation]]
    not_checked: dict[str, str]
    busy: dict[str, Any] = {}
    seconds: float = 0.0

    @property
    def violated(self) -> list[str]:
        """Return the ids of the invariants that do not hold."""
        return [id_ for id_, found in self.violations.items() if found]

    @property
    def exit_code(self) -> int:
        """Return 0 when all that was checked holds, and nothing kept it from being checked."""
        return 1 if self.violated or self.busy else 0

    def lines(self, shown: int = SHOWN) -> Iterator[str]:
        """Yield what is wrong, in the language of the terminal; nothing when all is well."""
        for id_ in self.violated:
            found = self.violations[id_]
            yield f"{id_}  {say(f'audit-{id_}')}: {say('audit-violations', count=len(found))}"
            yield from (f"    {each.key}  {each.about}".rstrip() for each in found[:shown])
            if len(found) > shown:
                yield f"    {say('audit-more', count=len(found) - shown)}"
        yield from (
            say("audit-busy", service=service, left=_counts(left))
            for service, left in self.busy.items()
        )

    def json(self) -> str:
        """Return everything as JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2).decode()


def _counts(left: Mapping[str, Any] | str) -> str:
    if isinstance(left, str):
        return left
    return ", ".join(f"{name} {count}" for name, count in left.items())
