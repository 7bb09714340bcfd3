"""Request bodies of bikes."""

from typing import Final

NEW_BIKE: Final[dict[str, object]] = {"bikeNm": "TREK Emonda", "price": 5_100_000, "stockQty": 10}
NUMBERED_BIKE: Final = NEW_BIKE | {"bikeId": 1}
