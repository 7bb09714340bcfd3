"""What a bike's frame looks like and measures: stock keeps it, the home page draws it."""

from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from roadbike.contracts.wire_names import wire_name

MAX_MODEL: Final = 2**31 - 1

Model = Annotated[int, Meta(ge=1, le=MAX_MODEL)]
Paint = Annotated[str, Meta(pattern="^#[0-9a-f]{6}$")]
Length = Annotated[float, Meta(ge=20, le=1000)]  # mm
Drop = Annotated[float, Meta(ge=0, le=150)]  # mm
Angle = Annotated[float, Meta(ge=50, le=90)]  # degrees from the horizon


class Kind(StrEnum):
    """Kinds of road bikes; each is built, and so drawn, in its own way."""

    CLIMB = "climb"
    AERO = "aero"
    ENDURANCE = "endurance"
    GRAVEL = "gravel"
    CLASSIC = "classic"
    CITY = "city"
    TT = "tt"


class Geometry(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=wire_name
):
    """One frame size of a model, as a geometry table has it: mm and degrees.

    model: the same number for all sizes of a model. paint, accent: colours as #rrggbb.
    stack, reach: from the bottom bracket to the top of the head tube, upwards and forwards.
    bb_drop: how far the bottom bracket is below the axles. fork_offset: of the axle to the
    steering axis.
    """

    model: Model
    kind: Kind
    paint: Paint
    accent: Paint
    stack: Length
    reach: Length
    head_tube: Length
    seat_tube: Length
    head_angle: Angle
    seat_angle: Angle
    chainstay: Length
    bb_drop: Drop
    fork_offset: Drop
