"""The catalogue copy shows what can be reserved, also while stock is stopped."""

from collections.abc import Awaitable, Callable

import pytest

from tests.flows.given import asked, given_a_bike, given_an_answer
from tests.flows.in_process_shop import Shop

EMONDA = {"bikeId": 1, "bikeNm": "TREK Emonda", "price": 5_100_000, "stockQty": 3, "brand": "TREK"}


async def test_the_copy_is_served_while_stock_is_stopped(shop: Shop) -> None:
    await given_a_bike(shop, **EMONDA)
    await shop.stop("stock")
    kim = shop.person("kim", "buyer")
    await given_an_answer(kim)

    (bike,) = (await kim.get("/reservations/catalogue")).body["_embedded"]["stocks"]
    assert (bike["bikeNm"], bike["price"], bike["free"]) == ("TREK Emonda", 5_100_000, 2)
    assert bike["asOf"].endswith("Z")


async def test_a_withdrawn_bike_is_not_in_the_copy(shop: Shop) -> None:
    made = await asked(shop.admin, "POST", "/stocks", EMONDA)
    withdrawn = await asked(shop.admin, "DELETE", "/stocks/1", If_Match=made.headers["ETag"])
    assert withdrawn.status == 204
    await shop.settle()

    copy = (await shop.admin.get("/reservations/catalogue")).body

    assert copy["page"]["totalElements"] == 0


@pytest.mark.parametrize("path", ["/stocks", "/reservations/catalogue"])
async def test_a_catalogue_that_has_not_changed_is_not_sent_again(shop: Shop, path: str) -> None:
    await given_a_bike(shop)
    kim, admin = shop.person("kim", "buyer"), shop.admin
    nobody = shop.person("", "")
    nobody.token = None
    first = await nobody.get(f"{path}?size=100")

    same = await nobody.get(f"{path}?size=100", If_None_Match=first.headers["ETag"])
    assert (same.status, same.raw) == (304, b"")
    assert same.headers["ETag"] == first.headers["ETag"]

    changes: list[Callable[[], Awaitable[object]]] = [
        lambda: given_an_answer(kim),
        lambda: asked(admin, "PATCH", "/stocks/1", {"price": 1000}, If_Match='"1"'),
        lambda: asked(admin, "POST", "/stocks", EMONDA | {"bikeId": 2}),
        lambda: asked(admin, "DELETE", "/stocks/2", If_Match='"1"'),
    ]
    known = {first.headers["ETag"]}
    for change in changes:
        await change()
        await shop.settle()
        answer = await nobody.get(f"{path}?size=100", If_None_Match=", ".join(known))
        assert answer.status == 200, change
        assert answer.headers["ETag"] not in known
        known.add(answer.headers["ETag"])


@pytest.mark.parametrize("path", ["/stocks", "/reservations/catalogue"])
async def test_what_one_reader_knows_says_nothing_to_another(shop: Shop, path: str) -> None:
    await given_a_bike(shop)
    nobody = shop.person("", "")
    nobody.token = None
    theirs = await nobody.get(path)

    answer = await shop.admin.get(path, If_None_Match=theirs.headers["ETag"])

    assert answer.status == 200
    (of_admin,), (of_nobody,) = (each.body["_embedded"]["stocks"] for each in (answer, theirs))
    assert set(of_admin["_links"]) > set(of_nobody["_links"])
