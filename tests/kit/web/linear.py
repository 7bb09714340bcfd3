"""What a reader of a client's bytes costs, and whether it grows faster than the bytes."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from roadbike.kit.pure.refusals import Refusal

ROUNDS: Final = 5  # of both sizes in turn; the cheapest one counts: a busy machine only adds
MOST_TRIES: Final = 5  # of so many rounds each, on a machine that is so busy that none was cheap
CHEAP_MS: Final = 5.0  # a case that costs less at full size is not measured further
PART: Final = 4  # the other size is so many times smaller
MOST_RATIO: Final = 8.0  # of the two costs: 4 when linear, 16 when quadratic
MOST_MS: Final = 2_000.0  # on any machine; on two shared cores of 2026 all are below 50

Read = Callable[[], object]
Cases = Callable[[int], Iterator[tuple[str, Read]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """CPU milliseconds of one case. part: None when the case is too cheap to compare."""

    case: str
    part: float | None
    full: float

    @property
    def is_linear(self) -> bool:
        return self.part is None or self.full <= MOST_RATIO * self.part

    def at_most(self, part: float, full: float) -> "Cost":
        """Return the cost when both sizes were measured again."""
        part = part if self.part is None else min(part, self.part)
        return replace(self, part=part, full=min(full, self.full))

    def __str__(self) -> str:
        part = "" if self.part is None else f", {self.part:.1f} ms at a quarter of it"
        return f"{self.full:.1f} ms at full size{part}: {self.case}"


def check_linear(reader: str, cases: Cases, full_size: int) -> None:
    """Print what the dearest case costs. Fail when a case is not linear or costs seconds.

    cases: yields the same cases for every size, as names and what reads them; a Refusal counts
    as read.
    """
    costs = [
        _cost(name, part, full)
        for (name, full), (_, part) in zip(cases(full_size), cases(full_size // PART), strict=True)
    ]
    dearest = max(costs, key=lambda cost: cost.full)
    print(f"\n{reader}, {full_size:,} bytes, {len(costs)} cases: {dearest}")  # noqa: T201 the figure
    wrong = [str(cost) for cost in costs if not cost.is_linear]
    assert not wrong, wrong


def _cost(case: str, part: Read, full: Read) -> Cost:
    first = _once(full)
    assert first < MOST_MS, f"{first:.0f} ms at full size: {case}"  # more rounds would take minutes
    if first < CHEAP_MS:
        return Cost(case=case, part=None, full=first)
    gc.disable()
    try:
        cost = Cost(case=case, part=_once(part), full=first)
        for number in range(ROUNDS * MOST_TRIES):
            if number >= ROUNDS and cost.is_linear:
                break
            cost = cost.at_most(_once(part), _once(full))
        return cost
    finally:
        gc.enable()


def _once(read: Read) -> float:
    began = time.thread_time()  # what other threads do is not counted
    with suppress(Refusal):
        read()
    return (time.thread_time() - began) * 1000
