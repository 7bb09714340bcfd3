"""The catalogue in memory: grouping, filters, sorting, and what happens without reservation."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from roadbike.storefront.catalogue import (
    Bike,
    Catalogue,
    Copy,
    Filters,
    Model,
    models,
)
from roadbike.storefront.peers import Answer, Request, Unreachable

NOW = datetime(2026, 11, 26, 5, tzinfo=UTC)


def bike(number: int, name: str = "화살 / Arrow", **more: Any) -> Bike:
    usual: dict[str, Any] = {"price": 1_000_000, "free": 2, "frame_size": "54", "as_of": NOW}
    return Bike(bike_id=number, bike_name=name, **(usual | more))


def test_the_sizes_of_one_model_are_one_card() -> None:
    bikes = [bike(1, frame_size="52"), bike(2, frame_size="54"), bike(3, "벼리")]

    found = models(bikes, Filters())

    assert [[each.bike_id for each in model.bikes] for model in found] == [[1, 2], [3]]


def test_another_colour_is_another_model() -> None:
    bikes = [bike(1, colour="red"), bike(2, colour="blue")]

    assert len(models(bikes, Filters())) == 2


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filters(text="ARROW"), [1, 2]),
        (Filters(text="화살"), [1, 2]),  # decomposed Hangul
        (Filters(text="  arrow  "), [1, 2]),
        (Filters(sizes=frozenset({"56"})), [2]),
        (Filters(brands=frozenset({"물결"})), [3]),
        (Filters(low=2_000_000), [3]),
        (Filters(high=1_000_000), [1, 2]),
        (Filters(only_free=True), [1, 2]),
        (Filters(text="물결 벼리"), [3]),  # words in any order
        (Filters(text="Árrow"), [1, 2]),
        (Filters(text="tandem"), []),
        (Filters(text="arrow tandem"), []),
        (Filters(text="none"), []),
    ],
)
def test_a_model_is_shown_when_one_of_its_sizes_fits(filters: Filters, found: list[int]) -> None:
    bikes = [
        bike(1),
        bike(2, frame_size="56", name="Arrow / 화살"),
        bike(3, "벼리", price=2_500_000, brand="물결", free=0),
    ]

    assert sorted(each.bike_id for m in models(bikes, filters) for each in m.bikes) == found


def test_models_are_sorted_by_their_lowest_price_or_by_name() -> None:
    bikes = [bike(1, "나", price=3), bike(2, "다", price=1), bike(3, "가", price=2, free=0)]

    def names(sort: str) -> list[str]:
        return [model.name for model in models(bikes, Filters(sort=sort))]

    assert names("price") == ["다", "가", "나"]
    assert names("-price") == ["나", "가", "다"]
    assert names("name") == ["가", "나", "다"]
    assert names("") == ["나", "다", "가"]  # what is sold out comes last


def test_the_card_shows_a_size_that_is_free() -> None:
    model = Model((bike(1, free=0), bike(2, free=1), bike(3, free=0)))

    assert model.shown.bike_id == 2
    assert Model((bike(1, free=0),)).shown.bike_id == 1


def test_a_copy_is_stale_after_ten_seconds() -> None:
    copy = Copy({1: bike(1)}, NOW)

    assert not copy.is_stale(NOW + timedelta(seconds=9))
    assert copy.is_stale(NOW + timedelta(seconds=11))


class TwoPages:
    """Reservation with two pages of bikes; it can stop answering."""

    def __init__(self) -> None:
        self.answers = True
        self.calls = 0

    async def send(self, request: Request) -> Answer:
        self.calls += 1
        if not self.answers:
            raise Unreachable("reservation")
        number = int(dict(request.query)["page"])
        shown = {"bikeId": number, "bikeNm": "b", "price": 1, "free": 1, "asOf": NOW.isoformat()}
        return Answer(200, {"_embedded": {"stocks": [shown]}, "page": {"totalPages": 2}})


async def test_all_pages_are_read_once_for_many_viewers() -> None:
    peers: Any = TwoPages()
    catalogue = Catalogue(peers)

    copies = [await catalogue.copy() for _ in range(10)]

    assert [*copies[0].bikes] == [0, 1]
    assert peers.calls == 2
    assert copies[-1] is copies[0]


async def test_the_last_copy_is_shown_while_reservation_does_not_answer() -> None:
    peers: Any = TwoPages()
    catalogue = Catalogue(peers)
    first = await catalogue.copy()

    peers.answers = False
    catalogue.expire()

    assert await catalogue.copy() is first
    assert peers.calls == 3


async def test_without_any_copy_the_catalogue_is_unavailable() -> None:
    peers: Any = TwoPages()
    peers.answers = False

    with pytest.raises(Unreachable):
        await Catalogue(peers).copy()
