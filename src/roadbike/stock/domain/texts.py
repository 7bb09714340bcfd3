"""What the lists of bikes are searched and sorted by."""

from dataclasses import dataclass
from typing import Final

from roadbike.kit.pure.texts import search_form, sort_key

RULE: Final = 2  # counts the changes of `search_form` and `sort_key`: then all texts are made again


@dataclass(frozen=True, kw_only=True, slots=True)
class BikeText:
    """The texts of a bike in the forms for searching and sorting. source: what they were made of.

    They are made by us and not by the database: it would compare texts in its own way.
    """

    bike_id: int
    source: str
    search_text: str
    name_key: bytes
    brand_key: bytes | None


def bike_text(bike_id: int, bike_name: str, brand: str | None) -> BikeText:
    """Return the texts of a bike that has this name and brand."""
    return BikeText(
        bike_id=bike_id,
        source=f"{RULE}\n{bike_name}\n{brand or ''}",
        search_text=f"{search_form(bike_name)}\n{search_form(brand or '')}",
        name_key=sort_key(bike_name),
        brand_key=sort_key(brand) if brand else None,
    )
