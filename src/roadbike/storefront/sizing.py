"""Which frame size fits: the size adviser and the numbers of the geometry table.

The formula is a rule of thumb of this shop. For a body of height h and inseam i (cm), it wants a
stack of stack54 + 7.5 (i - 81) and an effective top tube of
ett54 + 3 (h - i - 94) + 1.5 (h - 175), both in mm, where stack54 and ett54 are those of the model's
size nearest to 54. A size scores |stack - wanted| / 9.6 + |ett - wanted| / 7.5; less is better.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import cos, radians, sin, tan
from typing import Final

from roadbike.contracts.geometry import Geometry

MIDDLE_STACK: Final = 546  # mm, of the size that most makers call 54
WORST_SCORE: Final = 4.0
ALSO_FITS: Final = 1.0  # how much worse the second size may score
CLEARANCE_CM: Final = 2.0  # between the top tube and the rider
WHEEL_RADIUS: Final = 339  # mm, with tyre


@dataclass(frozen=True, kw_only=True, slots=True)
class Advice:
    """The size that fits best, another that fits too, and the room over the top tube in mm."""

    best: str
    second: str | None
    room_mm: int


def effective_top_tube(geometry: Geometry) -> float:
    """Return the horizontal length from head tube to seat tube axis, in mm."""
    return geometry.reach + geometry.stack / tan(radians(geometry.seat_angle))


def standover(geometry: Geometry) -> float:
    """Return the height of the middle of the top tube, in mm."""
    axis = radians(geometry.seat_angle)
    bottom = WHEEL_RADIUS - geometry.bb_drop
    seat = bottom + geometry.seat_tube * sin(axis)
    return (seat + bottom + geometry.stack) / 2 - 20


def wheelbase(geometry: Geometry) -> float:
    """Return the distance between the axles, in mm."""
    axis, offset = radians(geometry.head_angle), geometry.fork_offset
    along = (geometry.stack - geometry.bb_drop + offset * cos(axis)) / sin(axis)
    front = geometry.reach + along * cos(axis) + offset * sin(axis)
    behind = (geometry.chainstay**2 - geometry.bb_drop**2) ** 0.5
    return float(front + behind)


def advise(sizes: Mapping[str, Geometry], height: float, inseam: float) -> Advice | None:
    """Return the size that fits a body, in cm; None when none does."""
    if not sizes:
        return None
    middle = min(sizes.values(), key=lambda each: abs(each.stack - MIDDLE_STACK))
    stack = middle.stack + 7.5 * (inseam - 81)
    reach = effective_top_tube(middle) + 3 * (height - inseam - 94) + 1.5 * (height - 175)
    scores = sorted(
        (_score(geometry, stack, reach), name)
        for name, geometry in sizes.items()
        if standover(geometry) <= (inseam - CLEARANCE_CM) * 10
    )
    if not scores or scores[0][0] > WORST_SCORE:
        return None
    (best_score, best), *others = scores
    second = others[0][1] if others and others[0][0] - best_score <= ALSO_FITS else None
    return Advice(best=best, second=second, room_mm=round(inseam * 10 - standover(sizes[best])))


def _score(geometry: Geometry, stack: float, top_tube: float) -> float:
    return abs(geometry.stack - stack) / 9.6 + abs(effective_top_tube(geometry) - top_tube) / 7.5
