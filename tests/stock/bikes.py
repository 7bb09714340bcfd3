"""Bikes as staff send them."""

from typing import Final

FACE: Final[dict[str, object]] = {"bikeNm": "TREK Emonda", "price": 5_100_000, "stockQty": 10}
TREK: Final = FACE | {"bikeId": 1}
