"""How each kind of bike is built. Millimetres and degrees."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from roadbike.contracts.geometry import Kind
from roadbike.storefront.drawing.svg import Widths

DARK: Final = "#26282d"
GREY: Final = "#4b4f57"
STEEL: Final = "#8d949d"
TYRE: Final = "#17181b"
TYRE_WALL: Final = "#26282c"
RIM: Final = "#33363c"
TAN: Final = "#b8925a"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tubes:
    """The first and the last width of each tube, in mm."""

    down: Widths = (44, 38)
    top: Widths = (28, 26)
    seat: Widths = (30, 32)
    head: Widths = (42, 52)
    fork: Widths = (46, 16)
    stay: Widths = (13, 16)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bows:
    """How far the middle of a tube is bent to its left, in mm."""

    fork: float = 8
    stays: float = 0
    top: float = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Colours:
    """Colours of the parts that are not painted."""

    tape: str = DARK
    alloy: str = DARK
    tyre_wall: str = TYRE_WALL
    rim: str = RIM


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """How one kind of bike is built.

    stays_at: where on the seat tube the upper stays meet it; 1 is its top.
    spacers: mm below the stem. stem_rise: degrees above the horizon.
    lower: how much lower than the stack says riders of this kind sit, in mm.
    rim_depth, tyre_width: in mm.
    """

    tubes: Tubes = field(default_factory=Tubes)
    bows: Bows = field(default_factory=Bows)
    colours: Colours = field(default_factory=Colours)
    stays_at: float = 0.82
    spacers: float = 18
    stem_rise: float = 8
    lower: float = 0
    rim_depth: float = 34
    tyre_width: float = 28
    disc_brakes: bool = True
    knobs: bool = False
    time_trial: bool = False  # a closed rear wheel and aero bars


KINDS: Final[Mapping[Kind, Shape]] = {
    Kind.CLIMB: Shape(),
    Kind.ENDURANCE: Shape(
        stays_at=0.74,
        bows=Bows(fork=15, stays=-14, top=6),
        spacers=30,
        stem_rise=11,
        lower=22,
        tyre_width=32,
    ),
    Kind.AERO: Shape(
        tubes=Tubes(
            down=(64, 54), top=(32, 34), seat=(48, 46), head=(54, 64), fork=(58, 20), stay=(16, 22)
        ),
        bows=Bows(fork=2),
        stays_at=0.66,
        spacers=2,
        stem_rise=-2,
        rim_depth=62,
    ),
    Kind.GRAVEL: Shape(
        tubes=Tubes(down=(52, 42), top=(30, 26)),
        bows=Bows(fork=12, stays=-8),
        colours=Colours(tyre_wall=TAN),
        stays_at=0.78,
        spacers=24,
        lower=18,
        rim_depth=26,
        tyre_width=42,
        knobs=True,
    ),
    Kind.CITY: Shape(
        tubes=Tubes(stay=(15, 18)),
        bows=Bows(fork=10),
        colours=Colours(alloy="#595f68", rim="#6d747d"),
        stays_at=0.9,
        spacers=30,
        stem_rise=14,
        lower=20,
        rim_depth=22,
        tyre_width=35,
    ),
    Kind.CLASSIC: Shape(
        tubes=Tubes(
            down=(32, 30), top=(26, 26), seat=(29, 29), head=(36, 36), fork=(28, 12), stay=(12, 14)
        ),
        bows=Bows(fork=24),
        colours=Colours(tape="#7b4a2d", alloy="#a9afb8", tyre_wall=TAN, rim="#c3c8ce"),
        stays_at=0.97,
        spacers=26,
        stem_rise=0,
        rim_depth=17,
        tyre_width=26,
        disc_brakes=False,
    ),
    Kind.TT: Shape(
        tubes=Tubes(
            down=(78, 66), top=(44, 38), seat=(66, 62), head=(66, 76), fork=(66, 24), stay=(20, 30)
        ),
        bows=Bows(fork=0),
        colours=Colours(rim="#3a3d44"),
        stays_at=0.6,
        spacers=0,
        stem_rise=-4,
        rim_depth=82,
        tyre_width=25,
        time_trial=True,
    ),
}
