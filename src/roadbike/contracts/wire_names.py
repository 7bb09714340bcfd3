"""The names of fields in JSON: `wire_name` renames every Struct that crosses a wire."""

from typing import Final

WIRE_NAMES: Final = {  # those that are not the field's own name in camel case
    "reservation_id": "reserveId",
    "reservation_status": "reserveStatus",
    "reserved_at": "reserveDt",
    "store_name": "reserveStore",
    "bike_name": "bikeNm",
    "user_name": "userNm",
    "phone": "telNo",
    "stock_quantity": "stockQty",
    "held_quantity": "reserveQty",
    "zip_code": "zipCd",
    "address": "addrNm",
    "payment_id": "payId",
    "payment_status": "payStatus",
    "delivered_at": "deliveryDt",
    "tracking_number": "trackingNo",
    "links": "_links",
}


def wire_name(field: str) -> str:
    """Return the JSON name of a field: from WIRE_NAMES, else the field in camel case."""
    if field in WIRE_NAMES:
        return WIRE_NAMES[field]
    first, *rest = field.split("_")
    return first + "".join(word.title() for word in rest)
