"""The glossary: our English words, and the names that they bear on the wire."""

from typing import Final

GLOSSARY: Final = {
    "reservation_id": "reserveId",
    "reservation_status": "reserveStatus",
    "reserved_at": "reserveDt",
    "store_name": "reserveStore",
    "bike_name": "bikeNm",
    "user_name": "userNm",
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
    """The wire's name of one of our fields: from the glossary, else in camel case."""
    if field in GLOSSARY:
        return GLOSSARY[field]
    first, *rest = field.split("_")
    return first + "".join(word.title() for word in rest)
