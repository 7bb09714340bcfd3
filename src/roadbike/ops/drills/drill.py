"""What a drill is: which shop it wants, and what it does there."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from roadbike.local.texts import say
from roadbike.ops.drills.report import Report
from roadbike.ops.drills.shop import DrilledShop


@dataclass(frozen=True, slots=True)
class Size:
    """How large the drill is, and how strict.

    small: for CI, done in some seconds. strict: times fail it too, not only what never ends.
    """

    small: bool = False
    strict: bool = False

    def of(self, full: int, small: int) -> int:
        """Return the number for this size."""
        return small if self.small else full


Play = Callable[[DrilledShop, Report, Size], Awaitable[None]]


def no_settings(_size: Size) -> Mapping[str, str]:
    return {}


def nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True, kw_only=True)
class Drill:
    """A drill by its name; its title is `drill-NAME` in local/texts/drills.toml.

    play: does it, and writes into the report what it found. It raises CommandError when it cannot
    go on: then the drill was not played, which is neither passed nor failed.
    replicas: processes of each service in a shop of its own; settings: its environment variables.
    after: is called when that shop is closed: until then its services may be restarted.
    """

    name: str
    play: Play
    replicas: Mapping[str, int] = field(default_factory=dict)
    settings: Callable[[Size], Mapping[str, str]] = no_settings
    after: Callable[[], None] = nothing

    @property
    def title(self) -> str:
        return say(f"drill-{self.name}")
