"""Contents of shop.json for tests."""

from typing import Any

from roadbike.local.shop_file import ShopFile


def a_shop_file(**fields: Any) -> ShopFile:
    """The file of a shop without any part, with these fields replaced."""
    empty: dict[str, Any] = {
        "home": "",
        "addresses": {},
        "ports": {},
        "logins": {},
        "ops_key": "",
        "databases": {},
        "brokers": {},
    }
    return ShopFile(**empty | fields)
