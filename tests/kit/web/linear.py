"""What a reader of a client's bytes costs, and whether twice the bytes cost more than twice."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from roadbike.kit.pure.refusals import Refusal

ROUNDS: Final = 5  # the cheapest one counts: other processes only make a round dearer
MOST_TRIES: Final = 5  # of so many rounds each, on a machine that is so busy that none was cheap
CHEAP_MS: Final = 5.0  # a case that costs less at full size is not measured further
MOST_RATIO: Final = 3.0  # full size to half size: 2 when linear, 4 when quadratic
MOST_MS: Final = 2_000.0  # on any machine; on two shared cores of 2026 all are below 50

Read = Callable[[], object]
Cases = Callable[[int], Iterator[tuple[str, Read]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """CPU milliseconds of one case. half: None when the case is too cheap to compare."""

    case: str
    half: float | None
    full: float

    @property
    def is_linear(self) -> bool:
        return self.half is None or self.full <= MOST_RATIO * self.half

    def at_most(self, half: float, full: float) -> "Cost":
        """Return the cost when both sizes were measured again."""
        half = half if self.half is None else min(half, self.half)
        return replace(self, half=half, full=min(full, self.full))

    def __str__(self) -> str:
        half = "" if self.half is None else f", {self.half:.1f} ms at half"
        return f"{self.full:.1f} ms at full size{half}: {self.case}"


def check_linear(reader: str, cases: Cases, full_size: int) -> None:
    """Print what the dearest case costs. Fail when a case is not linear or costs seconds.

    cases: yields the same cases for every size, as names and what reads them; a Refusal counts
    as read.
    """
    costs = [
        _cost(name, half, full)
        for (name, full), (_, half) in zip(cases(full_size), cases(full_size // 2), strict=True)
    ]
    dearest = max(costs, key=lambda cost: cost.full)
    print(f"\n{reader}, {full_size:,} bytes, {len(costs)} cases: {dearest}")  # noqa: T201 the figure
    wrong = [str(cost) for cost in costs if not cost.is_linear]
    assert not wrong, wrong


def _cost(case: str, half: Read, full: Read) -> Cost:
    first = _once(full)
    assert first < MOST_MS, f"{first:.0f} ms at full size: {case}"  # more rounds would take minutes
    if first < CHEAP_MS:
        return Cost(case=case, half=None, full=first)
    gc.disable()
    try:
        cost = Cost(case=case, half=_best(half), full=_best(full))
        for _ in range(MOST_TRIES - 1):
            if cost.is_linear:
                break
            cost = cost.at_most(_best(half), _best(full))
        return cost
    finally:
        gc.enable()


def _best(read: Read) -> float:
    return min(_once(read) for _ in range(ROUNDS))


def _once(read: Read) -> float:
    began = time.process_time()
    with suppress(Refusal):
        read()
    return (time.process_time() - began) * 1000
