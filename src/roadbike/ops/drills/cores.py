"""How much of the processor a load, the shop and other programs use meanwhile.

A load on the machine of the shop takes cores from it, and so do other programs: a rate says little
without what was left.
"""

import os
import time
from dataclasses import dataclass

import psutil

from roadbike.local import shop_file
from roadbike.local.commands import usage
from roadbike.local.home import Home
from roadbike.local.replicas import service_of
from roadbike.ops.drills.inside import RESERVATION


@dataclass(frozen=True, kw_only=True)
class Used:
    """Cores that were used at the mean by the load, reservation, the whole shop, other programs.

    of: how many the machine has.
    """

    load: float
    service: float
    shop: float
    others: float
    of: int

    @property
    def left(self) -> float:
        """Return how many cores load and other programs have left to the shop."""
        return max(0.01, self.of - self.load - self.others)

    def in_words(self) -> dict[str, str]:
        """Return the facts of the sentence about them."""
        numbers = {
            "load": self.load,
            "service": self.service,
            "shop": self.shop,
            "others": self.others,
        }
        return {name: f"{number:.2f}" for name, number in numbers.items()} | {"of": str(self.of)}


class Cores:
    """How many cores were used between the making of this and `used`, and by what."""

    def __init__(self, home: Home) -> None:
        self._pids = dict(shop_file.read_known(home).pids)
        del self._pids["supervisor"]  # the other parts are its children, and would count twice
        self._own = time.process_time()  # it reads what the load reports
        self._began = self._now()

    def used(self, load_seconds: float) -> Used:
        """Return what was used. load_seconds: of the processor, by the load."""
        at, busy, shop, service = (
            now - before for now, before in zip(self._now(), self._began, strict=True)
        )
        load = (load_seconds + time.process_time() - self._own) / at
        return Used(
            load=load,
            service=service / at,
            shop=shop / at,
            others=max(0.0, (busy - shop) / at - load),
            of=os.cpu_count() or 1,
        )

    def _now(self) -> tuple[float, float, float, float]:
        """Return the time, and the seconds of the processor: of all, the shop, reservation."""
        spent, times = usage.cpu_seconds(self._pids), psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0) + getattr(times, "steal", 0.0)
        busy = sum(times) - idle - getattr(times, "guest", 0.0)  # guests are in user, too
        service = sum(spent[name] for name in spent if service_of(name) == RESERVATION)
        return time.monotonic(), busy, sum(spent.values()), service
