"""What the flow tests start with, and what they check at the end."""

from typing import Any, Final
from uuid import uuid4

from roadbike.reservation import store
from roadbike.reservation.domain import Bike
from tests.flows.in_process_shop import Person, Response, Shop, until

IN_PROGRESS: Final = "/problems/in-progress"
ADDRESS_UNAVAILABLE: Final = "/problems/address-unavailable"
EMONDA = {"bikeId": 1, "bikeNm": "TREK Emonda", "price": 5_100_000}


async def given_a_bike(shop: Shop, units: int = 3, **more: object) -> None:
    """Add a bike and wait until it is in the catalogue copy."""
    made = await asked(shop.admin, "POST", "/stocks", {**EMONDA, "stockQty": units, **more})
    assert made.status == 201, made.raw
    await shop.settle()


async def asked(
    person: Person, method: str, path: str, body: Any = None, **headers: str
) -> Response:
    """Return the answer; on a busy machine the first ones may ask to come back later."""

    async def answered() -> Response | None:
        answer = await person.request(method, path, body, **headers)
        if "Retry-After" not in answer.headers:
            return answer
        return answer if answer.body["type"] == ADDRESS_UNAVAILABLE else None

    return await until(answered, every=0.2)


async def given_a_reservation(person: Person, bike_id: int = 1, **more: Any) -> str:
    """Reserve, with retries: on a busy machine the first response may be 503."""

    answer = await given_an_answer(person, bike_id, **more)
    assert answer.status == 201, answer.raw
    return str(answer.body["reserveId"])


async def given_an_answer(person: Person, bike_id: int = 1, **more: Any) -> Response:
    """Reserve until the answer is not 503, as a client does on a busy machine.

    All tries have one key: without it, a try that was interrupted would keep a unit.
    """
    key = uuid4().hex

    async def answer() -> Response | None:
        body = {"bikeId": bike_id, **more}
        response = await person.post("/reservations", body, Idempotency_Key=key)
        is_busy = response.status == 503 or response.body.get("type") == IN_PROGRESS
        return None if is_busy else response

    return await until(answer, every=0.2)


async def total(person: Person, path: str = "/reservations") -> int:
    found = await person.get(path)
    assert found.status == 200, found.raw
    return int(found.body["page"]["totalElements"])


async def all_of(person: Person, path: str) -> list[dict[str, Any]]:
    """Return all items of a paged list, sorted by reservation."""
    items: list[dict[str, Any]] = []
    for number in range(100):
        page = (await person.get(f"{path}?size=100&page={number}")).body
        items += next(iter(page["_embedded"].values()))
        if "next" not in page["_links"]:
            return sorted(items, key=lambda item: str(item["reserveId"]))
    raise AssertionError(path)


async def copy_of(shop: Shop, bike_id: int = 1) -> Bike:
    """Return the catalogue copy of the bike."""
    async with shop.db("reservation").read() as tx:
        bike = await store.BIKES.get(tx, bike_id)
    assert bike is not None
    return bike


async def statuses(person: Person, reserve_id: str) -> tuple[str | None, ...]:
    """Return the statuses of reservation, payment and stock on my page."""
    page = (await person.get(f"/myPages/{reserve_id}")).body
    return page.get("reserveStatus"), page.get("payStatus"), page.get("stockStatus")


async def assert_all_agree(shop: Shop) -> None:
    """Check that all services of a settled shop agree on every purchase, none of them paid."""
    reservations = await all_of(shop.admin, "/reservations")
    payments = {item["reserveId"]: item for item in await all_of(shop.admin, "/payments")}
    pages = {item["reserveId"]: item for item in await all_of(shop.admin, "/myPages")}
    assert payments.keys() == pages.keys() == {item["reserveId"] for item in reservations}
    for item in reservations:
        page, payment = pages[item["reserveId"]], payments[item["reserveId"]]
        cancelled = item["reserveStatus"] == "예약취소"
        assert page["reserveStatus"] == item["reserveStatus"]
        assert page["payStatus"] == payment["payStatus"]
        assert payment["payStatus"] == ("결제취소" if cancelled else "결제예정")
        assert page["stockStatus"] in ({"배정해제", "품절"} if cancelled else {"배정완료"})
    held = [item for item in reservations if item["reserveStatus"] == "예약완료"]
    bike = (await shop.admin.get("/stocks/1")).body
    assert bike["reserveQty"] == len(held)
    copy = await copy_of(shop)
    assert (copy.unanswered, copy.free) == (0, bike["stockQty"] - len(held))
