"""The catalogue page by page."""

from typing import Any, Final
from urllib.parse import quote

ORDERS: Final = {
    "bikeId": [1, 2, 3],
    "bikeId,desc": [3, 2, 1],
    "price": [2, 1, 3],
    "bikeNm": [3, 1, 2],
    "stockQty,desc": [1, 3, 2],
    "brand": [3, 1, 2],  # the one without a brand comes last …
    "brand,desc": [1, 3, 2],  # … whichever way
}
FOUND: Final = {
    "emonda": [1],
    "orbea": [2],
    "%": [2],
    "_": [],
    "';--": [],
    "자전거": [3],
}


def bikes(answer: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer.json()["_embedded"]["stocks"]
    return found


async def test_a_page_of_the_catalogue(stock: Any, anybody: Any) -> None:
    for number in range(1, 6):
        await stock.register(number, bike_name=f"bike {number}", price=number)

    page = await anybody.ask("GET", "/stocks?size=2&page=1&sort=price,desc")

    assert [bike["bikeNm"] for bike in bikes(page)] == ["bike 3", "bike 2"]
    assert page.json()["page"] == {"size": 2, "totalElements": 5, "totalPages": 3, "number": 1}
    assert page.json()["_links"]["next"]["href"] == "/stocks?page=2&size=2&sort=price,desc"


async def test_the_catalogue_in_order(stock: Any, anybody: Any) -> None:
    await stock.register(1, bike_name="B", price=2, stock_quantity=9, brand="Orbea")
    await stock.register(2, bike_name="C", price=1, stock_quantity=1)
    await stock.register(3, bike_name="A", price=3, stock_quantity=5, brand="Cube")

    for sort, order in ORDERS.items():
        page = await anybody.ask("GET", f"/stocks?sort={sort}")

        assert [bike["bikeId"] for bike in bikes(page)] == order, sort


async def test_a_search_looks_at_names_and_brands(stock: Any, anybody: Any) -> None:
    await stock.register(1)
    await stock.register(2, bike_name="Orca 100%", brand="Orbea")
    await stock.register(3, bike_name="첫 자전거")

    for q, found in FOUND.items():
        page = await anybody.ask("GET", f"/stocks?q={quote(q)}")

        assert [bike["bikeId"] for bike in bikes(page)] == found, q


async def test_a_page_that_cannot_be_is_refused(anybody: Any) -> None:
    for query in ("size=0", "size=101", "page=-1", "sort=colour", "sort=price,up", "size=x"):
        answer = await anybody.ask("GET", f"/stocks?{query}")

        assert answer.status_code == 422
        assert answer.json()["errors"][0]["parameter"] == query.partition("=")[0]


async def test_a_page_beyond_the_last_is_empty(anybody: Any) -> None:
    answer = await anybody.ask("GET", "/stocks?page=10000000&size=100")

    assert (answer.status_code, bikes(answer)) == (200, [])
