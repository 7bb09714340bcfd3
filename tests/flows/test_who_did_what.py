"""Who changed, cancelled and moved: in events, ledger and rows; buyers read "the shop"."""

from typing import Any

import msgspec
from sqlalchemy import Table, select
from structlog.testing import capture_logs

from roadbike.delivery.store import DELIVERY
from roadbike.mypage.store import STORED_EVENT
from roadbike.reservation.store import RESERVATION
from roadbike.stock.store import BIKE, LEDGER
from tests.flows.given import given_a_bike, given_a_reservation
from tests.flows.in_process_shop import Person, Shop

STAFF = "staff-7c41"
CANARIES = {"userNm": "이름-카나리아", "telNo": "010-7700-0042", "addrNm": "주소-카나리아"}
PUBLIC = ("/stocks/1", "/stocks", "/reservations", "/payments", "/deliveries", "/myPages")


async def rows(shop: Shop, service: str, table: Table) -> list[Any]:
    async with shop.db(service).read() as tx:
        return list(await tx.rows(select(table)))


async def actors(shop: Shop) -> dict[str, str | None]:
    """Return `by` of each event that my page stored, by the name of the event."""
    stored = await rows(shop, "mypage", STORED_EVENT)
    return {row["type"].split(".")[1]: msgspec.json.decode(row["data"]).get("by") for row in stored}


async def timeline(person: Person, reserve_id: str) -> dict[str, str | None]:
    found = await person.get(f"/myPages/{reserve_id}/timeline")
    return {step["event"]: step.get("by") for step in found.body["_embedded"]["timeline"]}


async def shown_to(person: Person, reserve_id: str) -> str:
    """Return all that the person can read about the purchase."""
    paths = (*PUBLIC, f"/reservations/{reserve_id}", f"/myPages/{reserve_id}/timeline")
    return "".join([(await person.get(path)).raw.decode() for path in paths])


async def paid(shop: Shop, buyer: Person) -> str:
    reserve_id = await given_a_reservation(buyer, **CANARIES, zipCd="13497")
    (payment,) = (await buyer.get(f"/payments?reserveId={reserve_id}")).body["_embedded"][
        "payments"
    ]
    paying = {"payStatus": "결제완료"}
    assert (await buyer.request("PATCH", f"/payments/{payment['payId']}", paying)).status == 200
    await shop.settle()
    return reserve_id


async def test_what_staff_do_carries_their_id_and_buyers_never_see_it(shop: Shop) -> None:
    staff, buyer = shop.person(STAFF, "admin"), shop.person("buyer", "buyer")
    await given_a_bike(shop)

    with capture_logs() as logs:
        await staff.request("PATCH", "/stocks/1", {"stockQty": 5}, If_Match='"1"')
        reserve_id = await paid(shop, buyer)
        (parcel,) = (await buyer.get("/deliveries")).body["_embedded"]["deliveries"]
        for status in ("배송시작", "회수중", "회수완료"):
            path, body = f"/deliveries/{parcel['deliveryId']}", {"deliveryStatus": status}
            assert (await staff.request("PATCH", path, body)).status == 200
            await shop.settle()

    (bike,) = await rows(shop, "stock", BIKE)
    assert bike["changed_by"] == STAFF
    ledger = [(row["why"], row["recorded_by"]) for row in await rows(shop, "stock", LEDGER)]
    assert sorted(ledger, key=str) == [
        ("returned", None),
        ("shipped", None),
        ("staff", "admin"),
        ("staff", STAFF),
    ]
    assert [row["changed_by"] for row in await rows(shop, "delivery", DELIVERY)] == [STAFF]
    by = await actors(shop)
    assert {by[f"Delivery{move}"] for move in ("Started", "Recalled", "Returned")} == {STAFF}
    assert by["ReservationCancelled"] is None  # the return cancelled it, not a person
    seen = await timeline(buyer, reserve_id)
    assert seen["DeliveryStarted"] == seen["DeliveryReturned"] == "shop"
    assert seen["ReservationCancelled"] == "shop"
    assert STAFF not in await shown_to(buyer, reserve_id)
    granted = [line for line in logs if line["event"] == "access.granted"]
    assert [(line["user"], line["route"]) for line in granted] == [
        (STAFF, "/stocks/{bike_id:int}"),
        *[(STAFF, "/deliveries/{delivery_id:uuid}")] * 3,
    ]
    assert not [value for value in CANARIES.values() if value in repr(logs)]


async def test_a_cancel_names_the_buyer_or_staff(shop: Shop) -> None:
    staff, buyer = shop.person(STAFF, "admin"), shop.person("buyer", "buyer")
    await given_a_bike(shop)
    own = await given_a_reservation(buyer, **CANARIES, zipCd="13497")
    other = await given_a_reservation(buyer, **CANARIES, zipCd="13497")

    with capture_logs() as logs:
        assert (await buyer.request("DELETE", f"/reservations/{own}")).status == 200
        assert (await staff.request("DELETE", f"/reservations/{other}")).status == 200
        await shop.settle()

    kept = {str(row["reservation_id"]): row for row in await rows(shop, "reservation", RESERVATION)}
    assert kept[own]["cancelled_by"] == "buyer"
    assert kept[other]["cancelled_by"] == STAFF
    assert (await timeline(buyer, own))["ReservationCancelled"] == "buyer"
    assert (await timeline(buyer, other))["ReservationCancelled"] == "shop"
    assert STAFF not in await shown_to(buyer, other)
    granted = [line["user"] for line in logs if line["event"] == "access.granted"]
    assert granted == [STAFF]


async def test_a_cancel_by_a_stranger_is_logged_and_changes_nothing(small_shop: Shop) -> None:
    buyer, stranger = small_shop.person("buyer", "buyer"), small_shop.person("stranger", "buyer")
    await given_a_bike(small_shop)
    reserve_id = await given_a_reservation(buyer)

    with capture_logs() as logs:
        refused = await stranger.request("DELETE", f"/reservations/{reserve_id}")

    assert refused.status == 404
    (line,) = [line for line in logs if line["event"] == "access.refused"]
    assert (line["user"], line["reason"]) == ("stranger", "foreign")
    assert line["object"] == {"reservation_id": reserve_id}
    (row,) = await rows(small_shop, "reservation", RESERVATION)
    assert (row["reservation_status"], row["cancelled_by"]) == ("예약완료", None)
