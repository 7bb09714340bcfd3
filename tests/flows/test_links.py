"""A link that offers an action is there exactly when following it works: every state and viewer.

An action works when it is not refused and changes what it is about. Answers that ask to come back
later (429, 503) are not the state of a purchase, except for the address of a delivery.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import pytest

from tests.flows.given import asked, given_a_bike, given_a_reservation
from tests.flows.in_process_shop import Person, Response, Shop
from tests.recipient import RECIPIENT

NAVIGATION: Final = {"self", "reservation", "payment", "delivery", "myPage", "timeline", "bike"}
POOL: Final = 9  # purchases per state: each link that is followed takes one
UNITS: Final = 200


@dataclass(frozen=True)
class Ids:
    """The ids of one purchase; those that it does not have yet are None."""

    reserve: str
    payment: str | None
    delivery: str | None

    def path(self, kind: str) -> str | None:
        ids = {"payments": self.payment, "deliveries": self.delivery}
        id_ = ids.get(kind, self.reserve)
        return id_ and f"/{kind}/{id_}"


@dataclass(frozen=True)
class Offer:
    """An action, and the link that offers it. kind: of the representation; on: of its target."""

    kind: str
    rel: str
    on: str
    method: str
    body: Any = None


PAY: Final = {"payStatus": "결제완료"}
OFFERS: Final = (
    Offer("reservations", "cancel", "reservations", "DELETE"),
    Offer("myPages", "cancel", "reservations", "DELETE"),
    Offer("payments", "pay", "payments", "PATCH", PAY),
    Offer("myPages", "pay", "payments", "PATCH", PAY),
    *(
        Offer("deliveries", rel, "deliveries", "PATCH", {"deliveryStatus": status})
        for rel, status in {
            "start": "배송시작",
            "complete": "배송완료",
            "recall": "회수중",
            "takeBack": "회수완료",
        }.items()
    ),
    Offer("deliveries", "correctAddress", "deliveries", "PATCH", {"telNo": "02-1234-5678"}),
)

Make = Callable[[Shop, Sequence[str]], Awaitable[None]]


def pay(simulate: str = "approve") -> Make:
    async def make(shop: Shop, reserve_ids: Sequence[str]) -> None:
        kim = shop.person("kim", "buyer")
        for reserve_id in reserve_ids:
            path = (await ids_of(shop, reserve_id)).path("payments")
            assert path is not None
            await asked(kim, "PATCH", path, PAY, X_Simulate=simulate)

    return make


def move(*steps: str) -> Make:
    async def make(shop: Shop, reserve_ids: Sequence[str]) -> None:
        for reserve_id in reserve_ids:
            path = (await ids_of(shop, reserve_id)).path("deliveries")
            assert path is not None
            for step in steps:
                moved = await asked(shop.admin, "PATCH", path, {"deliveryStatus": step})
                assert moved.status == 200, moved.raw

    return make


async def cancel(shop: Shop, reserve_ids: Sequence[str]) -> None:
    for reserve_id in reserve_ids:
        assert (await asked(shop.admin, "DELETE", f"/reservations/{reserve_id}")).status == 200


STATES: Final[dict[str, Sequence[Make]]] = {
    "reserved": [],
    "declined": [pay("decline")],
    "paid": [pay()],
    "sent": [pay(), move("배송시작")],
    "delivered": [pay(), move("배송시작", "배송완료")],
    "on its way back": [pay(), move("배송시작", "회수중")],
    "taken back": [pay(), move("배송시작", "회수중", "회수완료")],
    "cancelled unpaid": [cancel],
    "cancelled paid": [pay(), cancel],
}


@pytest.mark.parametrize("state", STATES)
async def test_links_are_true_in_this_state(shop: Shop, state: str) -> None:
    await given_a_bike(shop, units=UNITS)

    await _check(shop, await _purchases(shop, STATES[state]))


async def test_links_are_true_while_stock_is_stopped(shop: Shop) -> None:
    await given_a_bike(shop, units=UNITS)
    await shop.stop("stock")

    await _check(shop, await _purchases(shop, STATES["paid"]))


async def test_links_are_true_of_a_parcel_without_an_address(shop: Shop) -> None:
    await given_a_bike(shop, units=UNITS)

    await _check(shop, await _purchases(shop, STATES["paid"], recipient={}))


@pytest.mark.parametrize("overbook", [0, 1])
async def test_the_catalogue_offers_what_can_be_reserved(small_shop: Shop, overbook: int) -> None:
    shop = small_shop
    await given_a_bike(shop, units=1)
    await shop.restart("reservation", ROADBIKE_OVERBOOK=str(overbook))
    await shop.stop("stock")  # it answers none of the reservations

    people = (Person(shop, None), shop.person("kim", "buyer"), shop.admin)
    made = 0
    for person in [*people, *people]:
        offered = await _is_offered(person)
        answer = await _reserved(person)
        assert (answer.status == 201) == offered, answer.raw
        made += answer.status == 201

    assert made == 1 + overbook
    await shop.start("stock")
    await shop.settle()  # stock has a unit for one; what was overbooked is there to be sold again
    assert await _is_offered(shop.admin) == bool(overbook)


async def test_the_catalogue_offers_nothing_to_a_buyer_with_too_many_reservations(
    small_shop: Shop,
) -> None:
    await given_a_bike(small_shop, units=3)
    await small_shop.restart("reservation", ROADBIKE_MAX_OPEN_RESERVATIONS="1")
    kim, lee = (small_shop.person(name, "buyer") for name in ("kim", "lee"))
    await given_a_reservation(kim)

    assert not await _is_offered(kim)
    assert await _is_offered(lee)
    assert (await kim.reserve()).body["type"] == "/problems/too-many-open-reservations"


async def test_staff_are_offered_what_works_on_a_bike_and_others_nothing(small_shop: Shop) -> None:
    shop = small_shop
    await given_a_bike(shop, units=1)
    offers = {
        "edit": ("PATCH", {"price": 7}),
        "withdraw": ("DELETE", None),
        "putOnSale": ("PATCH", {"onSale": True}),
    }
    for is_withdrawn in (False, True):
        for rel, (method, body) in offers.items():
            await _set_sale(shop, on_sale=not is_withdrawn)
            before = await shop.admin.get("/stocks/1")
            tag = before.headers["ETag"]
            await asked(shop.admin, method, "/stocks/1", body, If_Match=tag)
            changed = (await shop.admin.get("/stocks/1")).headers["ETag"] != tag
            assert (rel in before.body["_links"]) == changed, (rel, is_withdrawn)
            await asked(shop.admin, "PATCH", "/stocks/1", {"price": 9}, If_Match=await _tag(shop))
    await _set_sale(shop, on_sale=True)
    for person in (shop.person("kim", "buyer"), Person(shop, None)):
        assert set((await person.get("/stocks/1")).body["_links"]) == {"self"}
        for method, body in offers.values():
            refused = await person.request(method, "/stocks/1", body, If_Match=await _tag(shop))
            assert refused.status in {401, 403}


async def ids_of(shop: Shop, reserve_id: str) -> Ids:
    payments = await _listed(shop.admin, "payments", reserve_id)
    deliveries = await _listed(shop.admin, "deliveries", reserve_id)
    return Ids(
        reserve_id,
        payments["payId"] if payments else None,
        deliveries["deliveryId"] if deliveries else None,
    )


async def _purchases(
    shop: Shop, steps: Sequence[Make], recipient: dict[str, str] = RECIPIENT
) -> list[Ids]:
    """Make a pool of purchases in the same state."""
    kim = shop.person("kim", "buyer")
    made = await asyncio.gather(*[given_a_reservation(kim, **recipient) for _ in range(POOL)])
    await shop.settle()
    for step in steps:
        await step(shop, made)
        await shop.settle()
    return [await ids_of(shop, reserve_id) for reserve_id in made]


async def _check(shop: Shop, pool: list[Ids]) -> None:
    shared = pool.pop()
    viewers = {"owner": shop.person("kim", "buyer"), "staff": shop.admin}
    viewers |= {"another buyer": shop.person("mallory", "buyer"), "nobody": Person(shop, None)}
    followed = 0
    for name, viewer in viewers.items():
        for offer in OFFERS:
            what = f"{offer.rel} on {offer.kind} for {name}"
            is_offered = offer.rel in await _rels(viewer, shared, offer.kind)
            purchase = pool[followed] if is_offered else shared
            followed += is_offered
            assert await _works(shop, viewer, purchase, offer) == is_offered, what
    for name in ("owner", "staff"):
        await _lists_say_the_same(viewers[name], shared)


async def _rels(viewer: Person, purchase: Ids, kind: str) -> set[str]:
    path = purchase.path(kind)
    shown = await viewer.get(path) if path else None
    if shown is None or shown.status != 200:
        return set()
    rels = set(shown.body["_links"])
    assert rels <= NAVIGATION | {offer.rel for offer in OFFERS if offer.kind == kind}
    return rels


async def _works(shop: Shop, viewer: Person, purchase: Ids, offer: Offer) -> bool:
    path = purchase.path(offer.on)
    if path is None:
        return False
    before = await shop.admin.get(path)
    headers = {"If_Match": before.headers["ETag"]} if offer.rel == "correctAddress" else {}
    answer = await asked(viewer, offer.method, path, offer.body, **headers)
    after = await shop.admin.get(path)
    return answer.status < 300 and _facts(after) != _facts(before)


def _facts(shown: Response) -> dict[str, Any]:
    return {name: value for name, value in shown.body.items() if name != "_links"}


async def _lists_say_the_same(viewer: Person, purchase: Ids) -> None:
    for kind in ("reservations", "payments", "deliveries", "myPages"):
        if path := purchase.path(kind):
            alone = await viewer.get(path)
            listed = await _listed(viewer, kind, purchase.reserve)
            assert (alone.body if alone.status == 200 else None) == listed, kind


async def _listed(viewer: Person, kind: str, reserve_id: str) -> Any:
    narrowed = f"reserveId={reserve_id}" if kind in {"payments", "deliveries"} else "size=100"
    items = (await viewer.get(f"/{kind}?{narrowed}")).body["_embedded"][kind]
    return next((item for item in items if item["reserveId"] == reserve_id), None)


async def _is_offered(person: Person) -> bool:
    shown = await person.get("/reservations/catalogue")
    (bike,) = shown.body["_embedded"]["stocks"]
    assert bike["free"] > 0 or "reserve" not in bike["_links"]  # the home page sees the number
    return "reserve" in bike["_links"]


async def _reserved(person: Person) -> Response:
    return await asked(person, "POST", "/reservations", {"bikeId": 1}, Idempotency_Key=uuid4().hex)


async def _tag(shop: Shop) -> str:
    return (await shop.admin.get("/stocks/1")).headers["ETag"]


async def _set_sale(shop: Shop, *, on_sale: bool) -> None:
    body = {"onSale": on_sale}
    set_ = await asked(shop.admin, "PATCH", "/stocks/1", body, If_Match=await _tag(shop))
    assert set_.status == 200
