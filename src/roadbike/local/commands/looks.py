"""Looks at an open shop, one after the other: its parts, and their rates since the last look."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

from roadbike.local import shop_file
from roadbike.local.commands import figures, status
from roadbike.local.commands.figures import Figures, Samples
from roadbike.local.commands.status import SERVERS, PartStatus
from roadbike.local.home import Home
from roadbike.local.http import call

FIRST_SECONDS: Final = 1.0  # for the first look, which has no rates
ANSWER_SECONDS: Final = 2.0
METRICS_PATH: Final = "/metrics"


@dataclass(frozen=True, slots=True)
class Look:
    """How the shop stood at a moment (UTC): each part, and the figures of those that have some."""

    at: datetime
    rows: Sequence[PartStatus]
    figures: dict[str, Figures]


class Looks:
    """Looks at the shop again and again; rates are those since the look before."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._before: dict[str, tuple[float, Samples]] = {}

    def next(self) -> Look:
        """Look now. Raises NotRunning when the shop is closed."""
        rows = status.collect(self._home)
        addresses = shop_file.read_known(self._home).addresses
        asked = [row.part for row in rows if row.part not in SERVERS and row.state == "ready"]
        with ThreadPoolExecutor(max_workers=len(rows)) as pool:
            found = pool.map(partial(_samples, addresses), asked)
        known = {part: self._since(part, now) for part, now in zip(asked, found, strict=True)}
        return Look(datetime.now(UTC), rows, {part: of for part, of in known.items() if of})

    def _since(self, part: str, now: Samples | None) -> Figures | None:
        if now is None:
            self._before.pop(part, None)
            return None
        moment = time.monotonic()
        earlier, before = self._before.get(part, (moment - FIRST_SECONDS, now))
        self._before[part] = moment, now
        return figures.between(before, now, max(moment - earlier, 0.001))


def _samples(addresses: dict[str, str], part: str) -> Samples | None:
    """Return the metrics of a service; None when it does not answer."""
    try:
        page = call(f"{addresses[part]}{METRICS_PATH}", timeout=ANSWER_SECONDS)
        return figures.read(page.decode())
    except (OSError, ValueError):
        return None
