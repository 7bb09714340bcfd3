"""A wrong bike is refused, and the answer names the wrong member."""

from typing import Any, Final, Literal

import pytest

from tests.reservation.http import pointers
from tests.stock.bodies import GEOMETRY, NEW_BIKE, NUMBERED_BIKE

WRONG: Final[list[tuple[dict[str, object], str]]] = [
    ({"price": 0}, "/price"),
    ({"price": -100}, "/price"),
    ({"price": 10**12 + 1}, "/price"),
    ({"price": "5100000"}, "/price"),
    ({"price": True}, "/price"),
    ({"price": 1.5}, "/price"),
    ({"price": None}, "/price"),
    ({"stockQty": -1}, "/stockQty"),
    ({"stockQty": 10**9 + 1}, "/stockQty"),
    ({"stockQty": "3"}, "/stockQty"),
    ({"stockQty": None}, "/stockQty"),
    ({"bikeNm": ""}, "/bikeNm"),
    ({"bikeNm": " \t "}, "/bikeNm"),
    ({"bikeNm": "두 줄\n"}, "/bikeNm"),
    ({"bikeNm": "가" * 201}, "/bikeNm"),
    ({"bikeNm": 7}, "/bikeNm"),
    ({"bikeNm": None}, "/bikeNm"),
    ({"brand": ""}, "/brand"),
    ({"frameSize": "x" * 21}, "/frameSize"),
    ({"colour": 1}, "/colour"),
    ({"geometry": "aero"}, "/geometry"),
    ({"geometry": GEOMETRY | {"kind": "unicycle"}}, "/geometry/kind"),
    ({"geometry": GEOMETRY | {"paint": "red"}}, "/geometry/paint"),
    ({"geometry": GEOMETRY | {"accent": "#dd3f2a;}"}}, "/geometry/accent"),
    ({"geometry": GEOMETRY | {"stack": 10_000}}, "/geometry/stack"),
    ({"geometry": GEOMETRY | {"headAngle": 0}}, "/geometry/headAngle"),
    ({"geometry": GEOMETRY | {"wheels": 3}}, "/geometry/wheels"),
    ({"geometry": {"model": 1}}, "/geometry/kind"),
    ({"description": "x" * 4001}, "/description"),
    ({"description": "a\u0000b"}, "/description"),
    ({"colour\u0000": "x"}, ""),
    ({"gears": 22}, "/gears"),
    ({"version": 3}, "/version"),
]


@pytest.fixture
def dialect() -> Literal["postgresql"]:
    """Other tests run the SQL behind it on both databases."""
    return "postgresql"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_wrong_input_is_named_and_changes_nothing(
    stock: Any, admin: Any, method: str
) -> None:
    bike = await stock.register(1)
    whole: dict[str, object] = {} if method == "PATCH" else NEW_BIKE
    path, if_match = ("/stocks", None) if method == "POST" else ("/stocks/1", '"1"')

    for wrong, pointer in WRONG:
        refused = await admin.ask(method, path, whole | wrong, if_match=if_match)

        assert (refused.status_code, pointers(refused)) == (422, [pointer]), wrong
    assert await stock.bike(1) == bike
    assert await stock.published_types() == ["StockRegistered"]
    assert await stock.ledger(1) == [("staff", 2)]


async def test_a_wrong_bike_number_is_refused(admin: Any) -> None:
    for number in (0, -1, 2**31, "1", 1.0, True):
        refused = await admin.ask("POST", "/stocks", NUMBERED_BIKE | {"bikeId": number})

        assert (refused.status_code, pointers(refused)) == (422, ["/bikeId"]), number


async def test_what_is_missing_is_named(stock: Any, admin: Any) -> None:
    await stock.register(1)
    for missing in NEW_BIKE:
        part = {name: NEW_BIKE[name] for name in NEW_BIKE if name != missing}

        new = await admin.ask("POST", "/stocks", part)
        replaced = await admin.ask("PUT", "/stocks/1", part, if_match='"1"')

        assert (new.status_code, replaced.status_code) == (422, 422)
        assert pointers(new) == pointers(replaced) == [f"/{missing}"]
