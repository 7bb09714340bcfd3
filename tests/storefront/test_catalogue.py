"""The catalogue in memory: grouping, filters, sorting, and what happens without reservation."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from roadbike.storefront.catalogue import Bike, Catalogue, Copy, Filters, Model, grouped
from roadbike.storefront.peers import Answer, Request, Unreachable
from tests.storefront.frames import geometry

NOW = datetime(2026, 11, 26, 5, tzinfo=UTC)


def bike(number: int, name: str = "화살 / Arrow", **more: Any) -> Bike:
    usual: dict[str, Any] = {"price": 1_000_000, "free": 2, "frame_size": "54", "as_of": NOW}
    return Bike(bike_id=number, bike_name=name, **(usual | more))


def copy_of(bikes: Sequence[Bike]) -> Copy:
    return Copy.of(bikes, NOW)


def numbers(models: Iterable[Model]) -> list[list[int]]:
    return [[each.bike_id for each in model.bikes] for model in models]


def test_the_sizes_of_one_model_are_one_card() -> None:
    bikes = [bike(1, frame_size="52"), bike(2, frame_size="54"), bike(3, "벼리")]

    assert numbers(grouped(bikes)) == [[1, 2], [3]]


def test_another_colour_is_another_model() -> None:
    bikes = [bike(1, colour="red"), bike(2, colour="blue")]

    assert len(grouped(bikes)) == 2


def test_the_number_of_the_model_counts_more_than_names() -> None:
    bikes = [
        bike(1, "Arrow", geometry=geometry(7)),
        bike(2, "Arrow 2026", geometry=geometry(7)),
        bike(3, "Arrow"),  # its geometry is not known
        bike(4, "Arrow Pro", geometry=geometry(8)),
        bike(5, "Arrow", geometry=geometry(7), colour="blue"),
    ]

    assert numbers(grouped(bikes)) == [[1, 2, 3], [4], [5]]


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

    assert sorted(each.bike_id for m in copy_of(bikes).found(filters) for each in m.bikes) == found


def test_models_are_sorted_by_their_lowest_price_or_by_name() -> None:
    bikes = [bike(1, "나", price=3), bike(2, "다", price=1), bike(3, "가", price=2, free=0)]

    def names(sort: str) -> list[str]:
        return [model.name for model in copy_of(bikes).found(Filters(sort=sort))]

    assert names("price") == ["다", "가", "나"]
    assert names("-price") == ["나", "가", "다"]
    assert names("name") == ["가", "나", "다"]
    assert names("") == ["나", "다", "가"]  # what is sold out comes last


def test_the_card_shows_a_size_that_is_free() -> None:
    model = Model((bike(1, free=0), bike(2, free=1), bike(3, free=0)))

    assert model.shown.bike_id == 2
    assert Model((bike(1, free=0),)).shown.bike_id == 1


def test_a_copy_is_stale_after_ten_seconds() -> None:
    copy = copy_of([bike(1)])

    assert not copy.is_stale(NOW + timedelta(seconds=9))
    assert copy.is_stale(NOW + timedelta(seconds=11))


def test_a_copy_counts_brands_and_sizes_by_model() -> None:
    copy = copy_of([bike(1, brand="나"), bike(2, brand="나", frame_size="M"), bike(3, "b")])

    assert copy.brands == {"나": 1}
    assert copy.sizes == {"M": 1, "54": 2}
    assert [each.bike_id for each in copy.siblings(copy.bikes[2])] == [1, 2]


class TwoPages:
    """Reservation and stock with two pages of bikes; each can stop answering.

    tag: the ETag of both lists, if they have one.
    """

    def __init__(self) -> None:
        self.down: set[str] = set()
        self.calls: list[str] = []
        self.tag: str | None = None

    async def send(self, request: Request) -> Answer:
        self.calls.append(request.service)
        if request.service in self.down:
            raise Unreachable(request.service)
        if self.tag and (request.headers or {}).get("If-None-Match") == self.tag:
            return Answer(304, None, etag=self.tag)
        number = 1 if dict(request.query).get("after") == "b" else 0
        shown: dict[str, Any] = {"bikeId": number}
        if request.service == "stock":
            shown |= {"geometry": msgspec.to_builtins(geometry(7)) if number else None}
        else:
            shown |= {"bikeNm": "b", "price": 1, "free": 1, "asOf": NOW.isoformat()}
        following = {} if number else {"next": {"href": f"{request.path}?page=1&after=b"}}
        body = {"_embedded": {"stocks": [shown]}, "_links": following}
        return Answer(200, body, etag=self.tag)


async def test_all_pages_are_read_once_for_many_viewers() -> None:
    peers: Any = TwoPages()
    catalogue = Catalogue(peers)

    copies = await asyncio.gather(*(catalogue.copy() for _ in range(10)))

    assert [*copies[0].bikes] == [0, 1]
    assert copies[0].bikes[0].geometry is None
    assert copies[0].bikes[1].geometry == geometry(7)
    assert sorted(peers.calls) == ["reservation", "reservation", "stock", "stock"]
    assert copies[-1] is copies[0]


async def test_the_last_copy_is_shown_while_reservation_does_not_answer() -> None:
    peers: Any = TwoPages()
    catalogue = Catalogue(peers)
    first = await catalogue.copy()

    peers.down = {"reservation"}
    catalogue.expire()

    assert await catalogue.copy() is first
    assert await catalogue.copy() is first


async def test_a_page_does_not_wait_for_the_next_copy() -> None:
    peers: Any = TwoPages()
    catalogue = Catalogue(peers)
    first = await catalogue.copy()
    catalogue.expire()

    assert await catalogue.copy() is first
    async with asyncio.timeout(5):
        while await catalogue.copy() is first:  # noqa: ASYNC110 nothing says that it was read
            await asyncio.sleep(0)


async def test_without_stock_the_bikes_have_no_drawing() -> None:
    peers: Any = TwoPages()
    peers.down = {"stock"}

    copy = await Catalogue(peers).copy()

    assert [bike.geometry for bike in copy.bikes.values()] == [None, None]


async def test_without_any_copy_the_catalogue_is_unavailable() -> None:
    peers: Any = TwoPages()
    peers.down = {"reservation"}

    with pytest.raises(Unreachable) as refused:
        await Catalogue(peers).copy()
    assert refused.value.service == "reservation"


async def next_copy(catalogue: Catalogue, last: Copy) -> Copy:
    """Return the copy after the last one."""
    catalogue.expire()
    async with asyncio.timeout(5):
        while (copy := await catalogue.copy()) is last:  # noqa: ASYNC110 nothing says when
            await asyncio.sleep(0)
    return copy


async def test_while_nothing_changes_one_request_keeps_the_copy_fresh() -> None:
    peers: Any = TwoPages()
    peers.tag = 'W/"1"'
    catalogue = Catalogue(peers)
    first = await catalogue.copy()
    peers.calls.clear()

    second = await next_copy(catalogue, first)

    assert peers.calls == ["reservation"]
    assert second.bikes is first.bikes
    assert second.read_at > first.read_at

    peers.tag = 'W/"2"'
    third = await next_copy(catalogue, second)
    assert peers.calls == ["reservation"] * 3
    assert third.bikes is not first.bikes


async def test_within_a_second_reservation_is_asked_once() -> None:
    peers: Any = TwoPages()
    catalogue = Catalogue(peers)
    await catalogue.copy()
    peers.calls.clear()

    for _ in range(100):
        await catalogue.copy()

    assert peers.calls == []


async def test_new_geometries_are_drawn_although_the_catalogue_is_the_same() -> None:
    peers: Any = TwoPages()
    peers.tag, peers.down = 'W/"1"', {"stock"}
    catalogue = Catalogue(peers)
    first = await catalogue.copy()
    assert first.bikes[1].geometry is None

    peers.down = set()
    async with asyncio.timeout(10):
        while (copy := await next_copy(catalogue, first)).bikes[1].geometry is None:
            first = copy

    assert copy.bikes[1].geometry == geometry(7)
