"""The geometry of a bike in staff's form: what is sent to stock, and what the pages show."""

from types import SimpleNamespace
from typing import Any, Final

import msgspec
import pytest

from roadbike.storefront import staff_geometry
from roadbike.storefront.peers import Answer, Request
from roadbike.storefront.seller import Seller
from roadbike.storefront.staff_stock_pages import StaffStockPages
from roadbike.storefront.visitors import Language, User, Visitor
from tests.storefront.frames import geometry

GEOMETRY: Final = msgspec.to_builtins(geometry(7))
BIKE: Final[dict[str, Any]] = {
    "bikeId": 7,
    "bikeNm": "화살 / Arrow",
    "price": 1_000_000,
    "stockQty": 5,
    "reserveQty": 0,
    "brand": None,
    "frameSize": "54",
    "colour": None,
    "description": None,
    "geometry": GEOMETRY,
    "version": 1,
}
ASKED: Final[Any] = SimpleNamespace(path_params={"bike_id": 7})


class Stock:
    """Stock with one bike. refusal: what it answers to a change; None takes it."""

    def __init__(self, refusal: Answer | None = None) -> None:
        self.refusal = refusal
        self.sent: list[Any] = []

    async def send(self, request: Request) -> Answer:
        if request.method == "GET":
            return Answer(200, BIKE, etag='"1"')
        self.sent.append(request.body)
        return self.refusal or Answer(200, BIKE, etag='"2"')


def visitor(language: Language) -> Visitor:
    user = User("hana", "박해솔", frozenset({"admin"}), token="")
    return Visitor(
        language=language, theme="", path="/staff", client="", seller=Seller(), user=user
    )


def opened() -> dict[str, str]:
    """Return the fields of the form as the browser has them when it was opened."""
    own = ("bikeNm", "brand", "frameSize", "colour", "price", "stockQty", "description")
    shown = {name: "" if BIKE[name] is None else str(BIKE[name]) for name in own}
    shown |= staff_geometry.texts(GEOMETRY)
    return shown | {f"base.{name}": value for name, value in shown.items()} | {"etag": '"1"'}


async def edited(stock: Stock, language: Language = "ko", **typed: str) -> Any:
    """Send the form with these fields changed; `_` of a name stands for `-`."""
    fields: Any = opened() | {name.replace("_", "-"): value for name, value in typed.items()}
    peers: Any = stock
    pages = StaffStockPages(SimpleNamespace(), peers, SimpleNamespace())  # type: ignore[arg-type] what `edit` does not use
    return await pages.edit(visitor(language), ASKED, fields)


async def test_one_changed_measure_is_sent_with_all_others() -> None:
    stock = Stock()

    answer = await edited(stock, geo_stack="555.5")

    assert answer.status_code == 303
    assert stock.sent == [{"geometry": GEOMETRY | {"stack": 555.5}}]


async def test_without_a_change_of_the_geometry_none_is_sent() -> None:
    stock = Stock()
    same = f"{float(GEOMETRY['stack']):.2f}"

    await edited(stock, price="2,000,000", geo_stack=same, geo_paint=GEOMETRY["paint"].upper())

    assert stock.sent == [{"price": 2_000_000}]


async def test_a_geometry_without_any_value_is_removed() -> None:
    stock = Stock()

    await edited(stock, **dict.fromkeys((n.replace("-", "_") for n in staff_geometry.FIELDS), ""))

    assert stock.sent == [{"geometry": None}]


@pytest.mark.parametrize("language", ["ko", "en"])
async def test_what_stock_refuses_stands_beside_its_field(language: Language) -> None:
    problem = {
        "type": "/problems/invalid",
        "title": "t",
        "status": 422,
        "errors": [{"pointer": "/geometry/stack", "detail": "20 이상이어야 합니다"}],
    }

    answer = await edited(Stock(Answer(422, problem)), language, geo_stack="5")

    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'id="geo-stack-fault"' in page
    assert 'value="5"' in page
    assert "<details open>" in page


@pytest.mark.parametrize("language", ["ko", "en"])
async def test_a_conflict_names_the_measure_in_the_words_of_the_page(language: Language) -> None:
    changed = {"type": "/problems/precondition-failed", "title": "t", "status": 412}

    answer = await edited(Stock(Answer(412, changed)), language, geo_stack="555", geo_kind="tt")

    page = answer.content.decode()
    assert answer.status_code == 409
    for field in ("geo-stack", "geo-kind"):
        assert staff_geometry.LABELS[field][0 if language == "ko" else 1] in page
        assert f'name="pick.{field}"' in page
