"""Where the joints of a bike are: complex numbers, mm forward of the crank and above ground."""

from cmath import rect
from dataclasses import dataclass
from math import cos, pi, radians, sin
from typing import Final

from roadbike.contracts.geometry import Geometry
from roadbike.storefront.drawing.shapes import Shape

BEAD_RADIUS: Final = 311  # of a 622 mm wheel


@dataclass(frozen=True, kw_only=True, slots=True)
class Joints:
    """The points that tubes and parts stand on.

    down_fork: direction down the steering axis. up_seat: direction up the seat tube.
    """

    bottom_bracket: complex
    down_fork: complex
    up_seat: complex
    head: complex
    crown: complex
    seat: complex
    stays: complex
    rear: complex
    front: complex
    saddle: complex
    stem: complex
    bar: complex


def joints(geometry: Geometry, shape: Shape) -> Joints:
    """Return the joints of one size."""
    axis = radians(geometry.head_angle)
    up_seat, down_fork = rect(1, pi - radians(geometry.seat_angle)), rect(1, -axis)
    bottom = complex(0, BEAD_RADIUS + shape.tyre_width - geometry.bb_drop)
    head = bottom + complex(geometry.reach, geometry.stack)
    seat = bottom + up_seat * geometry.seat_tube
    stem = head - down_fork * shape.spacers
    offset = geometry.fork_offset
    along_axis = (geometry.stack - geometry.bb_drop + offset * cos(axis)) / sin(axis)
    behind = (geometry.chainstay**2 - geometry.bb_drop**2) ** 0.5
    return Joints(
        bottom_bracket=bottom,
        down_fork=down_fork,
        up_seat=up_seat,
        head=head,
        crown=head + down_fork * geometry.head_tube,
        seat=seat,
        stays=bottom + (seat - bottom) * shape.stays_at,
        rear=bottom - behind + 1j * geometry.bb_drop,
        front=head + down_fork * complex(along_axis, offset),
        saddle=bottom + up_seat * (0.95 * geometry.stack + 195 - shape.lower),
        stem=stem,
        bar=stem + rect(64 + (geometry.reach - 350) * 0.8, radians(shape.stem_rise)),
    )
