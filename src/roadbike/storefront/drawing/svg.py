"""SVG elements of the drawing.

Points are complex numbers: mm forward of the crank, and above the ground.

There are no ids, styles or scripts: the text is safe under a strict content security policy, and
many drawings fit on one page.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

Widths = tuple[float, float]  # the first and the last width of a tube, in mm

WIDTH: Final = 1850  # of the canvas
HEIGHT: Final = 1130
CRANK_X: Final = 826  # where the crank stands on the canvas
GROUND_Y: Final = 1094
POINT: Final = re.compile(r"(-?\d+),(-?\d+)")


@dataclass(frozen=True, slots=True)
class Tube:
    """A tube from one point to another; bow: how far its middle is bent to the left, in mm."""

    start: complex
    end: complex
    widths: Widths
    bow: float = 0


def xy(point: complex) -> str:
    """Return the point on the canvas, as `x y`."""
    return f"{CRANK_X + point.real:.0f} {GROUND_Y - point.imag:.0f}"


def path(data: str, around: complex = 0j, **attributes: str | float) -> str:
    """Return a path. Points written `x,y` (y upwards) are moved to an origin."""
    moved = POINT.sub(lambda m: xy(around + complex(int(m[1]), int(m[2]))), data)
    return f'<path d="{moved}"{_attributes(attributes)}/>'


def lines(points: Iterable[complex]) -> str:
    """Return the data of a path along the points."""
    return "M" + "L".join(map(xy, points))


def circle(centre: complex, radius: float, colour: str, width: float, *, dash: str = "") -> str:
    """Return a ring; with centre 0, around the origin of the group that it stands in."""
    x, y = xy(centre).split()
    at = f'cx="{x}" cy="{y}" ' if centre else ""
    more = f' stroke-dasharray="{dash}" stroke-linecap="butt"' if dash else ""
    return f'<circle {at}r="{radius:g}" stroke="{colour}" stroke-width="{width:g}"{more}/>'


def outlines(tubes: Iterable[Tube], at: float = 0, part: float = 1) -> str:
    """Return the closed outlines of tubes; or of a part of each width, around `at` (left is +)."""
    return "".join(_outline(tube, at, part) for tube in tubes)


def _outline(tube: Tube, at: float, part: float) -> str:
    along = (tube.end - tube.start) / abs(tube.end - tube.start)
    bend = (tube.start + tube.end) / 2 + along * 2j * tube.bow
    first, last = tube.widths
    stations = (
        (tube.start, bend - tube.start, first),
        (bend, along, (first + last) / 2),
        (tube.end, tube.end - bend, last),
    )
    left, right = (
        [
            xy(point + 1j * way / abs(way) * width * (at + side * part / 2))
            for point, way, width in stations
        ]
        for side in (1, -1)
    )
    if tube.bow:
        return f"M{left[0]}Q{left[1]} {left[2]}L{right[2]}Q{right[1]} {right[0]}Z"
    return f"M{left[0]}L{left[2]}L{right[2]}L{right[0]}Z"


def _attributes(values: dict[str, str | float]) -> str:
    return "".join(f' {name.replace("_", "-")}="{value}"' for name, value in values.items())
