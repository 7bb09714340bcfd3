"""What flows begin with and what they look at in the end."""

from typing import Any

from roadbike.reservation import store
from roadbike.reservation.domain import Bike
from tests.flows.in_process_shop import Person, Shop, until

EMONDA = {"bikeId": 1, "bikeNm": "TREK Emonda", "price": 5_100_000}


async def given_a_bike(shop: Shop, units: int = 3, **more: object) -> None:
    """It is on sale, and reservation knows of it."""
    made = await shop.admin.post("/stocks", {**EMONDA, "stockQty": units, **more})
    assert made.status == 201, made.raw
    await shop.settle()


async def given_a_reservation(person: Person, bike_id: int = 1, **more: Any) -> str:
    """Made by a patient client: a busy machine may say 503 for a moment."""

    async def made() -> str | None:
        answer = await person.reserve(bike_id, **more)
        assert answer.status in {201, 503}, answer.raw
        return answer.body["reserveId"] if answer.status == 201 else None

    return str(await until(made, every=0.2))


async def total(person: Person, path: str = "/reservations") -> int:
    found = await person.get(path)
    assert found.status == 200, found.raw
    return int(found.body["page"]["totalElements"])


async def all_of(person: Person, path: str) -> list[dict[str, Any]]:
    """Every item of a list, as it is on the wire, sorted by reservation."""
    items: list[dict[str, Any]] = []
    for number in range(100):
        page = (await person.get(f"{path}?size=100&page={number}")).body
        items += next(iter(page["_embedded"].values()))
        if "next" not in page["_links"]:
            return sorted(items, key=lambda item: str(item["reserveId"]))
    raise AssertionError(path)


async def copy_of(shop: Shop, bike_id: int = 1) -> Bike:
    """The bike as reservation knows it."""
    async with shop.db("reservation").read() as tx:
        bike = await store.BIKES.get(tx, bike_id)
    assert bike is not None
    return bike


async def statuses(person: Person, reserve_id: str) -> tuple[str | None, ...]:
    """Of reservation, payment and stock, as my page shows them."""
    page = (await person.get(f"/myPages/{reserve_id}")).body
    return page.get("reserveStatus"), page.get("payStatus"), page.get("stockStatus")


async def assert_all_agree(shop: Shop) -> None:
    """What must hold in a quiet shop, whatever happened before."""
    reservations = await all_of(shop.admin, "/reservations")
    payments = {one["reserveId"]: one for one in await all_of(shop.admin, "/payments")}
    pages = {one["reserveId"]: one for one in await all_of(shop.admin, "/myPages")}
    assert payments.keys() == pages.keys() == {one["reserveId"] for one in reservations}
    for one in reservations:
        at, cancelled = one["reserveId"], one["reserveStatus"] == "예약취소"
        assert pages[at]["reserveStatus"] == one["reserveStatus"]
        assert pages[at]["payStatus"] == payments[at]["payStatus"]
        assert payments[at]["payStatus"] == ("결제취소" if cancelled else "결제예정")
        assert pages[at]["stockStatus"] in ({"배정해제", "품절"} if cancelled else {"배정완료"})
    held = [one for one in reservations if one["reserveStatus"] == "예약완료"]
    bike = (await shop.admin.get("/stocks/1")).body
    assert bike["reserveQty"] == len(held)
    copy = await copy_of(shop)
    assert (copy.unanswered, copy.free) == (0, bike["stockQty"] - len(held))
