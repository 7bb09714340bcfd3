"""How the bikes look: kind of frame, paint and geometry of each size, by the bike's name."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from roadbike.storefront.drawing import KINDS, Geometry, draw

Colour = Annotated[str, Meta(pattern="^#[0-9a-f]{6}$")]
ROW: Final = (  # the order of the numbers in a row of looks.toml
    *("stack", "reach", "head_tube", "seat_tube", "head_angle", "seat_angle"),
    *("chainstay", "bb_drop", "fork_offset"),
)


class Look(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one model looks. kind: one of drawing.KINDS. sizes: numbers in the order of ROW."""

    name: str
    kind: str
    paint: Colour
    accent: Colour
    sizes: dict[str, list[float]]

    def geometry(self, size: str | None) -> Geometry | None:
        """Return the geometry of the size; None when it is not known."""
        return self.geometries().get(size or "")

    def geometries(self) -> Mapping[str, Geometry]:
        """Return the geometry of each size."""
        return {
            size: Geometry(**dict(zip(ROW, row, strict=True))) for size, row in self.sizes.items()
        }


class _Looks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    look: list[Look]


@cache
def looks() -> Mapping[str, Look]:
    """Return all looks by the bike's name. Raises ValueError when a kind is unknown."""
    text = files("roadbike.storefront").joinpath("looks.toml").read_text(encoding="utf-8")
    found = msgspec.convert(tomllib.loads(text), _Looks).look
    if unknown := {look.kind for look in found} - KINDS.keys():
        raise ValueError(f"looks.toml has unknown kinds: {sorted(unknown)}")
    return {look.name: look for look in found}


def picture(name: str, size: str | None, title: str) -> str | None:
    """Return the drawing of a bike as SVG; None when its geometry is not known."""
    look = looks().get(name)
    geometry = look.geometry(size) if look else None
    if look is None or geometry is None:
        return None
    return _picture(name, size or "", title)


@cache
def _picture(name: str, size: str, title: str) -> str:
    look = looks()[name]
    geometry = look.geometry(size)
    assert geometry is not None  # checked by `picture`
    return draw(geometry, look.kind, look.paint, look.accent, title=title)
