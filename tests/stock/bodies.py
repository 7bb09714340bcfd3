"""Request bodies of bikes."""

from typing import Final

NEW_BIKE: Final[dict[str, object]] = {"bikeNm": "TREK Emonda", "price": 5_100_000, "stockQty": 10}
NUMBERED_BIKE: Final = NEW_BIKE | {"bikeId": 1}
GEOMETRY: Final[dict[str, object]] = {
    "model": 310,
    "kind": "aero",
    "paint": "#dd3f2a",
    "accent": "#1c1d21",
    "stack": 543.0,
    "reach": 388.0,
    "headTube": 132.0,
    "seatTube": 505.0,
    "headAngle": 73.2,
    "seatAngle": 73.7,
    "chainstay": 408.0,
    "bbDrop": 72.0,
    "forkOffset": 45.0,
}
