"""Lists of buyers page by page: by their `next` links, and by numbers as clients of before do."""

from typing import Any, Final

from tests.flows.given import given_a_bike, given_a_reservation
from tests.flows.in_process_shop import Person, Shop

SIZE: Final = 2
LISTS: Final = ("/reservations", "/payments", "/deliveries", "/myPages")


async def rows(person: Person, path: str) -> tuple[list[Any], str | None]:
    """Return the rows of a page, and the address of the next one."""
    answer = await person.get(path)
    assert answer.status == 200, answer.raw
    [found] = answer.body["_embedded"].values()
    return found, answer.body["_links"].get("next", {}).get("href")


async def by_links(person: Person, path: str) -> list[Any]:
    found = []
    following: str | None = f"{path}?size={SIZE}"
    while following is not None:
        page, following = await rows(person, following)
        assert following is None or "after=" in following
        found += page
    return found


async def by_numbers(person: Person, path: str, pages: int) -> list[Any]:
    found = []
    for number in range(pages):
        page, _ = await rows(person, f"{path}?size={SIZE}&page={number}")
        found += page
    return found


async def test_links_and_numbers_lead_through_the_same_list(shop: Shop) -> None:
    kim, lee = shop.person("kim", "buyer"), shop.person("lee", "buyer")
    await given_a_bike(shop, units=9)
    for buyer in (kim, lee, kim, lee, kim, kim, kim):
        reserve_id = await given_a_reservation(buyer)
        [payment] = (await rows(buyer, f"/payments?reserveId={reserve_id}"))[0]
        paid = await buyer.request(
            "PATCH", f"/payments/{payment['payId']}", {"payStatus": "결제완료"}
        )
        assert paid.status == 200
    await shop.settle()

    for path in LISTS:
        linked = await by_links(kim, path)
        assert len(linked) == 5, path
        assert linked == await by_numbers(kim, path, pages=3), path


async def test_a_link_of_one_buyer_shows_another_only_their_own(shop: Shop) -> None:
    kim, lee = shop.person("kim", "buyer"), shop.person("lee", "buyer")
    await given_a_bike(shop, units=9)
    for buyer in (lee, kim, kim, kim):
        await given_a_reservation(buyer)
    _, following = await rows(kim, f"/reservations?size={SIZE}")
    assert following is not None

    [own], _ = await rows(lee, following)

    assert own["userId"] == "lee"


async def test_the_catalogue_is_read_by_links(shop: Shop) -> None:
    for number in (1, 2, 3, 4, 5):
        await given_a_bike(shop, bikeId=number)

    for path in ("/stocks", "/reservations/catalogue"):
        assert [bike["bikeId"] for bike in await by_links(shop.admin, path)] == [1, 2, 3, 4, 5]


async def test_a_place_that_no_link_has_is_refused(shop: Shop) -> None:
    for path in (*LISTS, "/stocks", "/reservations/catalogue"):
        answer = await shop.admin.get(f"{path}?after=x")
        assert answer.status == 422, path
        assert [error["parameter"] for error in answer.body["errors"]] == ["after"]

    answer = await shop.admin.get("/myPages?sort=reserveDt&after=WzFd")
    assert [error["parameter"] for error in answer.body["errors"]] == ["after"]
