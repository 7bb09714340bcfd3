"""Bikes are found however their names are typed, and sorted as people sort, on every database."""

import unicodedata
from functools import partial
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import delete, update

from roadbike.kit.db import Tx
from roadbike.stock import store
from roadbike.stock.use_cases import refresh_texts
from tests.stock.bodies import NEW_BIKE
from tests.stock.test_catalogue import bikes

NAMES: Final = {
    1: "한결 하나",
    2: unicodedata.normalize("NFD", "한결 둘"),
    3: "TREK Émonda",
    4: "노을\u00a0로드",
    5: "새벽\u3000로드",
    6: "\U0001f6b4\u200d\u2640\ufe0f 에디션",
    7: "Carbon\u00adrad 100%",
    8: "a_b",
}
FOUND: Final = {
    "한결": [1, 2],
    unicodedata.normalize("NFD", "한결"): [1, 2],
    "ＴＲＥＫ": [3],
    "trek émonda": [3],
    unicodedata.normalize("NFD", "ÉMONDA"): [3],
    "Emonda": [3],
    "trék": [3],
    "노을 로드": [4],
    "노을\u00a0로드": [4],
    "\u3000로드 ": [4, 5],
    "새벽   로드": [5],
    "\U0001f6b4\u200d\u2640\ufe0f 에디션": [6],
    "Carbon\u00adrad": [7],
    "CARBONRAD 100": [7],
    "%": [7],
    "_": [8],
    "트렉": [],
    "하나 trek": [],
}


async def listed(person: Any, query: str) -> list[int]:
    answer = await person.ask("GET", f"/stocks?size=100&{query}")
    assert answer.status_code == 200, answer.text
    found = [bike["bikeId"] for bike in bikes(answer)]
    assert answer.json()["page"]["totalElements"] == len(found)
    return found


async def test_a_bike_is_found_by_its_name_however_it_is_typed(admin: Any) -> None:
    for number, name in NAMES.items():
        added = await admin.ask("POST", "/stocks", NEW_BIKE | {"bikeId": number, "bikeNm": name})
        assert added.status_code == 201

    for q, found in FOUND.items():
        assert await listed(admin, f"q={quote(q)}") == found, q


async def test_names_are_sorted_as_people_sort(stock: Any, anybody: Any) -> None:
    latin = ["9 Aero", "10 Aero", "105", "bianchi", "Émonda", "trek", "Trek 2"]
    names = [*latin, "가나", "각", "한결"]
    for number, name in enumerate(reversed(names), 1):
        brand = None if name == "각" else name
        await stock.register(number, bike_name=name, brand=brand)
    order = [*range(len(names), 0, -1)]

    assert await listed(anybody, "sort=bikeNm") == order
    assert await listed(anybody, "sort=bikeNm,DESC") == order[::-1]
    with_brand = [number for number in order if number != len(names) - names.index("각")]
    assert (await listed(anybody, "sort=brand"))[:-1] == with_brand
    assert (await listed(anybody, "sort=brand,desc"))[:-1] == with_brand[::-1]


async def test_an_edit_changes_by_what_a_bike_is_found(stock: Any, admin: Any) -> None:
    await stock.register(1, bike_name="첫 이름", brand="Orbea")

    body = {"bikeNm": "둘째", "brand": None}
    await admin.ask("PATCH", "/stocks/1", body, if_match='"1"')

    assert await listed(admin, f"q={quote('첫')}") == await listed(admin, "q=orbea") == []
    assert await listed(admin, f"q={quote('둘째')}") == [1]


async def write_as_older_code(tx: Tx) -> None:
    await tx.execute(delete(store.BIKE_TEXT).where(store.BIKE_TEXT.c.bike_id != 8))
    await tx.execute(update(store.BIKE).where(store.BIKE.c.bike_id == 8).values(brand="TREK"))


async def test_bikes_of_older_code_are_made_findable(stock: Any, admin: Any) -> None:
    """Older code has written rows without their texts, and has changed a name meanwhile."""
    for number in range(1, 9):
        await stock.register(number, bike_name=f"한결 {number}")
    await stock.db.transact(write_as_older_code)

    assert await listed(admin, "sort=bikeId") == [*range(1, 9)]
    assert sorted(await listed(admin, "sort=bikeNm")) == [*range(1, 9)]
    rounds = 1
    while await stock.db.transact(partial(store.refresh_texts, at_most=3)):
        rounds += 1
    await refresh_texts(stock.db)

    assert rounds == 3
    assert await listed(admin, f"q={quote('한결')}") == [*range(1, 9)]
    assert await listed(admin, "q=trek") == [8]
    assert await stock.db.transact(store.refresh_texts) is False
