"""Geometries for tests: those of the demo bikes, and one to change."""

from collections.abc import Mapping

import msgspec

from roadbike.contracts.geometry import Geometry
from roadbike.local.jobs import demo_data
from tests.stock.bodies import GEOMETRY


def geometry(model: int = 310, **changes: object) -> Geometry:
    return msgspec.convert(GEOMETRY | {"model": model} | changes, Geometry)


def all_demo_geometries() -> list[Geometry]:
    return [msgspec.convert(bike["geometry"], Geometry) for bike in demo_data.bikes()]


def demo_geometries(name: str) -> Mapping[str, Geometry]:
    """Return the sizes of one demo model with their geometries."""
    return {
        bike["frameSize"]: msgspec.convert(bike["geometry"], Geometry)
        for bike in demo_data.bikes()
        if name in bike["bikeNm"]
    }
