"""What the page of a purchase offers is what works at that moment."""

from typing import Any, Final

import pytest

from roadbike.storefront.purchases import Facts
from roadbike.storefront.timeline import Link
from tests.storefront.test_timeline import purchase

SELF: Final = {"_links": {"self": {"href": "/x"}}}
PAYABLE: Final = {"_links": {"pay": {"href": "/payments/1"}}}
CANCELLABLE: Final = {"_links": {"cancel": {"href": "/reservations/1"}}}
ADDRESS: Final = {"userNm": "김", "telNo": "010-1234-5678", "zipCd": "03086", "addrNm": "서울"}
CORRECTABLE: Final = {"_links": {"correctAddress": {"href": "/deliveries/1"}}}


def facts(*rels: str, **parts: Any) -> Facts:
    empty: Any = {"delivery": None, "payment": None, "reservation": None}
    links = {rel: Link("/x") for rel in rels}
    known = purchase(links=links)
    return Facts(purchase=known, steps=(), events=0, bikes={}, **(empty | parts))


@pytest.mark.parametrize(
    ("shown", "offers"),
    [
        (facts(), set()),
        (
            facts("self", "pay", "cancel", payment=PAYABLE, reservation=CANCELLABLE),
            {"pay", "cancel"},
        ),
        (facts("pay", "cancel", payment=SELF, reservation=CANCELLABLE), {"cancel"}),
        (facts("pay", "cancel", payment=PAYABLE, reservation=SELF), {"pay"}),
        (facts(payment=PAYABLE, reservation=CANCELLABLE), set()),
        (facts("pay", "cancel"), {"pay", "cancel"}),  # payment and reservation are unavailable
    ],
)
def test_a_button_is_shown_when_it_works(shown: Facts, offers: set[str]) -> None:
    assert shown.offers == offers


@pytest.mark.parametrize(
    ("delivery", "lacks"),
    [
        (None, False),
        (CORRECTABLE | ADDRESS, False),
        (CORRECTABLE | ADDRESS | {"telNo": None}, True),
        (SELF | dict.fromkeys(ADDRESS), False),
    ],
)
def test_a_parcel_that_lacks_its_address_says_so(delivery: Any, lacks: bool) -> None:  # noqa: FBT001 a column
    assert facts(delivery=delivery).lacks_address is lacks
