"""The sections of the staff's pages, which their menu names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from roadbike.kit.web import ADMIN, STAFF, Who
from roadbike.kit.web.access import may_use
from roadbike.storefront.visitors import Visitor


@dataclass(frozen=True, slots=True)
class Section:
    """One entry of the menu. path: its first page. who: whom its pages are for."""

    path: str
    ko: str
    en: str
    who: Who


SECTIONS: Final[Sequence[Section]] = (  # in the order of the menu
    Section("/staff/stock", "재고", "Stock", STAFF),
    Section("/staff/reservations", "예약", "Reservations", STAFF),
    Section("/staff/payments", "결제", "Payments", ADMIN),
    Section("/staff/deliveries", "배송", "Deliveries", STAFF),
    Section("/staff/audit", "기록", "Log", ADMIN),
    Section("/staff/accounts", "계정", "Accounts", ADMIN),
)


def sections(visitor: Visitor) -> list[Section]:
    """Return the entries that this member of staff may use; none for others."""
    return [section for section in SECTIONS if may_use(section.who, visitor.roles)]
