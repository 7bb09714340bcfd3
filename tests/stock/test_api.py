"""The HTTP API of stock, through the real app."""

import asyncio
from datetime import UTC, datetime
from typing import Any, Literal

import pytest
from sqlalchemy import text, update

from roadbike.stock import store
from tests.purchase_events import Story
from tests.reservation.http import pointers
from tests.stock.bodies import GEOMETRY, NEW_BIKE, NUMBERED_BIKE


@pytest.fixture
def dialect() -> Literal["postgresql"]:
    """Other tests run the SQL behind it on both databases."""
    return "postgresql"


async def total(person: Any) -> int:
    return int((await person.ask("GET", "/stocks")).json()["page"]["totalElements"])


async def test_a_bike_is_put_on_sale_and_read(admin: Any, anybody: Any) -> None:
    texts = {"brand": "TREK", "frameSize": "54", "colour": "red", "description": "가벼운\n자전거"}
    optional = texts | {"geometry": GEOMETRY}

    made = await admin.ask("POST", "/stocks", NUMBERED_BIKE | optional)

    assert made.status_code == 201
    assert made.headers["location"] == "/stocks/1"
    assert made.headers["etag"] == '"1"'
    read = await anybody.ask("GET", "/stocks/1")
    assert read.headers["etag"] == '"1"'
    assert read.headers["content-type"] == "application/hal+json"
    path = {"href": "/stocks/1"}
    shown = made.json()
    assert datetime.fromisoformat(shown.pop("changedAt")).tzinfo is UTC
    assert shown == read.json() | {
        "changedBy": "boss",
        "_links": {"self": path, "edit": path, "withdraw": path},
    }
    assert read.json() == NUMBERED_BIKE | optional | {"reserveQty": 0, "_links": {"self": path}}


async def test_the_geometry_is_changed_as_a_whole_and_emptied(admin: Any) -> None:
    await admin.ask("POST", "/stocks", NUMBERED_BIKE | {"geometry": GEOMETRY})
    other = GEOMETRY | {"kind": "climb", "stack": 546.5}

    changed = await admin.ask("PATCH", "/stocks/1", {"geometry": other}, if_match='"1"')
    kept = await admin.ask("PATCH", "/stocks/1", {"price": 1}, if_match='"2"')
    emptied = await admin.ask("PATCH", "/stocks/1", {"geometry": None}, if_match='"3"')

    assert changed.json()["geometry"] == kept.json()["geometry"] == other
    assert emptied.json()["geometry"] is None


async def test_members_that_the_server_owns_are_ignored(admin: Any) -> None:
    made = await admin.ask("POST", "/stocks", NUMBERED_BIKE | {"reserveQty": 9, "_links": {"x": 1}})

    assert made.status_code == 201
    assert made.json()["reserveQty"] == 0


async def test_bikes_without_a_number_get_the_next_one(admin: Any) -> None:
    await admin.ask("POST", "/stocks", NUMBERED_BIKE | {"bikeId": 41})

    made = await asyncio.gather(*(admin.ask("POST", "/stocks", NEW_BIKE) for _ in range(5)))

    assert sorted(answer.json()["bikeId"] for answer in made) == [42, 43, 44, 45, 46]


async def test_after_the_last_number_the_first_gap_is_used(admin: Any) -> None:
    await admin.ask("POST", "/stocks", NUMBERED_BIKE | {"bikeId": 2**31 - 1})

    first = await admin.ask("POST", "/stocks", NEW_BIKE)
    second = await admin.ask("POST", "/stocks", NEW_BIKE)

    assert (first.json()["bikeId"], second.json()["bikeId"]) == (1, 2)


async def test_a_known_number_is_refused_even_when_withdrawn(stock: Any, admin: Any) -> None:
    await stock.register(1)
    await admin.ask("DELETE", "/stocks/1", if_match='"1"')

    refused = await admin.ask("POST", "/stocks", NUMBERED_BIKE)

    assert refused.status_code == 409
    assert refused.json()["type"] == "/problems/bike-exists"
    assert pointers(refused) == ["/bikeId"]
    assert "1번 자전거" in refused.json()["detail"]


async def test_an_edit_changes_what_it_names(stock: Any, admin: Any) -> None:
    await stock.register(1, brand="TREK", colour="red", stock_quantity=2)

    edited = await admin.ask("PATCH", "/stocks/1", {"stockQty": 5, "colour": None}, if_match='"1"')

    assert edited.status_code == 200
    assert edited.headers["etag"] == '"2"'
    body = edited.json()
    assert (body["stockQty"], body["colour"], body["brand"]) == (5, None, "TREK")
    assert await stock.ledger(1) == [("staff", 2), ("staff", 3)]
    *_, event = await stock.published()
    assert (type(event).__name__, event.free, event.free_seq) == ("StockChanged", 5, 2)


async def test_an_edit_that_changes_nothing_publishes_nothing(stock: Any, admin: Any) -> None:
    await stock.register(1)

    edited = await admin.ask("PATCH", "/stocks/1", {"stockQty": 2}, if_match='"1"')

    assert (edited.status_code, edited.headers["etag"]) == (200, '"1"')
    assert await stock.published_types() == ["StockRegistered"]


async def test_a_bike_as_it_was_read_can_be_sent_back(stock: Any, admin: Any) -> None:
    await stock.register(1, brand="TREK", colour="red")
    read = await admin.ask("GET", "/stocks/1")
    body = read.json() | {"price": 4_900_000}
    del body["colour"]

    replaced = await admin.ask("PUT", "/stocks/1", body, if_match=read.headers["etag"])

    assert replaced.status_code == 200
    shown = replaced.json()
    assert (shown["price"], shown["brand"], shown["colour"]) == (4_900_000, "TREK", None)


async def test_held_units_do_not_change_the_etag_and_stay_covered(stock: Any, admin: Any) -> None:
    await stock.register(1, stock_quantity=3)
    await stock.consume(Story().registered(), Story().registered())

    refused = await admin.ask("PATCH", "/stocks/1", {"stockQty": 1}, if_match='"1"')
    fitting = await admin.ask("PATCH", "/stocks/1", {"stockQty": 2}, if_match='"1"')

    assert refused.status_code == 422
    assert refused.json()["type"] == "/problems/below-held"
    assert pointers(refused) == ["/stockQty"]
    assert "2대" in refused.json()["detail"]
    assert fitting.status_code == 200
    assert (fitting.json()["stockQty"], fitting.json()["reserveQty"]) == (2, 2)


async def test_an_edit_does_not_remove_a_unit_that_is_held_meanwhile(
    stock: Any, admin: Any
) -> None:
    await stock.register(1, stock_quantity=1)
    async with stock.db.begin() as tx:  # a claim is being granted …
        await tx.execute(update(store.BIKE).values(held_quantity=1, row_version=2))
        edit = admin.ask("PATCH", "/stocks/1", {"stockQty": 0}, if_match='"1"')
        waiting = asyncio.create_task(edit)  # … when the edit comes
        while not await waits_for_a_lock(stock):
            pass

    assert (await waiting).status_code == 422
    assert (await stock.bike(1)).stock_quantity == 1


async def waits_for_a_lock(stock: Any) -> bool:
    waiters = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
    async with stock.db.read() as tx:
        return await tx.row(text(waiters + " AND wait_event_type = 'Lock'")) is not None


async def test_of_two_edits_of_one_version_the_second_is_refused(stock: Any, admin: Any) -> None:
    await stock.register(1, stock_quantity=10)
    bodies = [{"stockQty": 11 + n} for n in range(4)]

    answers = await asyncio.gather(
        *(admin.ask("PATCH", "/stocks/1", body, if_match='"1"') for body in bodies)
    )

    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    bike = await stock.bike(1)
    assert bike.stock_quantity == sum(delta for _, delta in await stock.ledger(1))
    assert bike.version == 2


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
async def test_a_change_names_the_version_it_changes(stock: Any, admin: Any, method: str) -> None:
    bike = await stock.register(1)
    body = None if method == "DELETE" else NEW_BIKE

    without = await admin.ask(method, "/stocks/1", body)
    for other in ('"2"', 'W/"1"', '"01"', f'"{10**17}"'):
        refused = await admin.ask(method, "/stocks/1", body, if_match=other)

        assert refused.status_code == 412, other
    assert without.status_code == 428
    assert await stock.bike(1) == bike


async def test_an_unknown_bike_is_not_found(admin: Any) -> None:
    for number in ("7", "0", "-1", 2**31, 2**70, "one", "1.0"):
        for method, body in (("GET", None), ("PATCH", {}), ("PUT", NEW_BIKE), ("DELETE", None)):
            answer = await admin.ask(method, f"/stocks/{number}", body, if_match='"1"')

            assert answer.status_code == 404, (method, number)


async def test_only_admins_see_a_withdrawn_bike(
    stock: Any, admin: Any, buyer: Any, anybody: Any
) -> None:
    await stock.register(1)

    withdrawn = await admin.ask("DELETE", "/stocks/1", if_match='"1"')
    again = await admin.ask("DELETE", "/stocks/1", if_match='"2"')

    assert (withdrawn.status_code, again.status_code) == (204, 204)
    for person in (buyer, anybody):
        assert (await person.ask("GET", "/stocks/1")).status_code == 404
        assert await total(person) == 0
    shown = await admin.ask("GET", "/stocks/1")
    assert (shown.status_code, shown.headers["etag"]) == (200, '"2"')
    assert shown.json()["withdrawn"] is True
    assert await total(admin) == 1
    assert await stock.published_types() == ["StockRegistered", "StockRemoved"]


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"description": "new"}), ("PUT", NEW_BIKE)])
async def test_an_edit_leaves_a_withdrawn_bike_off_sale(
    stock: Any, admin: Any, anybody: Any, method: str, body: dict[str, Any]
) -> None:
    await stock.register(1)
    await admin.ask("DELETE", "/stocks/1", if_match='"1"')

    edited = await admin.ask(method, "/stocks/1", body, if_match='"2"')

    assert (edited.status_code, edited.headers["etag"]) == (200, '"3"')
    assert edited.json()["withdrawn"] is True
    assert (await anybody.ask("GET", "/stocks/1")).status_code == 404
    assert await stock.published_types() == ["StockRegistered", "StockRemoved", "StockRemoved"]


async def test_a_bike_is_put_back_on_sale_and_withdrawn_when_that_is_asked_for(
    stock: Any, admin: Any, anybody: Any
) -> None:
    await stock.register(1)
    await admin.ask("DELETE", "/stocks/1", if_match='"1"')

    back = await admin.ask("PATCH", "/stocks/1", {"onSale": True, "price": 7}, if_match='"2"')
    seen = await anybody.ask("GET", "/stocks/1")
    same = await admin.ask("PATCH", "/stocks/1", {"onSale": True}, if_match='"3"')
    gone = await admin.ask("PATCH", "/stocks/1", {"onSale": False}, if_match='"3"')

    assert (back.status_code, back.headers["etag"]) == (200, '"3"')
    assert (seen.status_code, seen.json()["price"]) == (200, 7)
    assert (same.status_code, same.headers["etag"]) == (200, '"3"')
    assert gone.json()["withdrawn"] is True
    kinds = await stock.published_types()
    assert kinds == ["StockRegistered", "StockRemoved", "StockRegistered", "StockRemoved"]


@pytest.mark.parametrize("withdrawn", ["withdrawn", "on sale"])
@pytest.mark.parametrize("body", [{}, {"price": 5_100_000}])
async def test_an_edit_without_a_change_makes_no_version_and_no_event(
    stock: Any, admin: Any, withdrawn: str, body: dict[str, Any]
) -> None:
    await stock.register(1)
    if withdrawn == "withdrawn":
        await admin.ask("DELETE", "/stocks/1", if_match='"1"')
    before = await stock.bike(), await stock.published_types()

    same = await admin.ask("PATCH", "/stocks/1", body, if_match=f'"{before[0].version}"')

    assert same.status_code == 200
    assert (await stock.bike(), await stock.published_types()) == before


@pytest.mark.parametrize("who", ["anybody", "buyer"])
async def test_only_admins_change_the_catalogue(
    stock: Any, request: pytest.FixtureRequest, client: object, who: str
) -> None:
    assert client
    person = request.getfixturevalue(who)
    bike = await stock.register(1)

    answers = [
        await person.ask("POST", "/stocks", NUMBERED_BIKE | {"bikeId": 2}),
        await person.ask("PATCH", "/stocks/1", {"price": 1}, if_match='"1"'),
        await person.ask("PUT", "/stocks/1", NUMBERED_BIKE, if_match='"1"'),
        await person.ask("DELETE", "/stocks/1", if_match='"1"'),
    ]

    assert {answer.status_code for answer in answers} == {401 if who == "anybody" else 403}
    assert await stock.bike(1) == bike


async def test_a_method_that_is_not_supported_is_refused_with_those_that_are(admin: Any) -> None:
    refused = await admin.ask("DELETE", "/stocks")

    assert refused.status_code == 405
    assert {"GET", "POST"} <= set(refused.headers["allow"].split(", "))
