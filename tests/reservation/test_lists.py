"""Staff's list of reservations: filters, pages, and the same rows as a table."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from roadbike.contracts.reasons import Reason
from roadbike.contracts.statuses import ReservationStatus
from roadbike.reservation import store
from tests import listed
from tests.past import LONG_AGO
from tests.reservation.builders import a_pending, a_reservation
from tests.reservation.service_harness import ReservationHarness
from tests.service_harness import ApiClient

ALL = "/reservations/all"
MIDNIGHT = datetime(2026, 11, 23, 15, tzinfo=UTC)  # 24 November begins in Seoul


@pytest.fixture
async def days(harness: ReservationHarness) -> None:
    """Reservations of bike 1, 2, …: before midnight, at midnight, and later ones."""
    cancelled = {"reservation_status": ReservationStatus.CANCELLED, "reason": Reason.STAFF}
    made = [
        a_reservation(bike_id=1, reserved_at=MIDNIGHT - timedelta(seconds=1), answered=True),
        a_reservation(bike_id=2, reserve_seq=2, reserved_at=MIDNIGHT, answered=True),
        a_reservation(bike_id=3, reserve_seq=3, reserved_at=MIDNIGHT, user_id="lee", answered=True),
        a_reservation(
            bike_id=4, reserve_seq=4, reserved_at=MIDNIGHT + timedelta(days=1), **cancelled
        ),
        a_reservation(bike_id=5, reserve_seq=5, reserved_at=LONG_AGO, store_name="=서울점"),
        a_pending(bike_id=6),
    ]

    async def save(tx: Any) -> None:
        for each in made:
            store.save(tx, each)

    await harness.db.transact(save)


@pytest.mark.usefixtures("days")
@pytest.mark.parametrize(
    ("filters", "bikes"),
    [
        ({}, {1, 2, 3, 4, 5}),
        ({"reserveStatus": "예약취소"}, {4}),
        ({"day": "2026-11-24"}, {2, 3}),
        ({"day": "2026-11-23"}, {1}),
        ({"userId": "lee"}, {3}),
        ({"bikeId": 2}, {2}),
        ({"reserveStore": "=서울점"}, {5}),
        ({"slow": "true"}, {5}),
        ({"slow": "false"}, {1, 2, 3, 4, 5}),
        ({"day": "2026-11-24", "userId": "kim"}, {2}),
        ({"userId": "nobody"}, set()),
    ],
)
async def test_filters_narrow_the_list(
    admin: ApiClient, filters: dict[str, object], bikes: set[int]
) -> None:
    path = f"{ALL}?{listed.query(**filters)}"

    assert set(await listed.values(admin, path, "bikeId")) == bikes
    assert {int(row["bikeId"]) for row in await listed.table(admin, path)} == bikes


@pytest.mark.usefixtures("days")
async def test_pages_show_each_reservation_once_and_keep_the_filters(admin: ApiClient) -> None:
    pages = await listed.pages(admin, f"{ALL}?size=2&reserveStore=분당야탑점")

    assert [len(page) for page in pages] == [2, 2]
    times = [row["reserveDt"] for page in pages for row in page]
    assert times == sorted(times, reverse=True)
    assert len({row["reserveId"] for page in pages for row in page}) == 4
    found = (await admin.get(f"{ALL}?size=2")).json()["found"]
    assert found == {"count": 5, "more": False}


@pytest.mark.usefixtures("days")
async def test_a_cell_of_the_table_is_no_formula(admin: ApiClient) -> None:
    [row] = await listed.table(admin, f"{ALL}?bikeId=5")

    assert row["reserveStore"] == "'=서울점"
    assert row["price"] == "5100000"


@pytest.mark.parametrize(
    ("query", "parameter", "detail"),
    [
        ("reserveStatus=paid", "reserveStatus", "예약완료"),
        ("day=2026-02-30", "day", "2026-11-27"),
        ("day=20261124", "day", "2026-11-27"),
        ("day=0001-01-01", "day", "2026-11-27"),
        ("bikeId=one", "bikeId", "whole number"),
        ("slow=yes", "slow", "true, false"),
        ("after=x", "after", "next link"),
        ("after=WzEsMl0", "after", "next link"),
        ("page=1", "page", "reserveStore"),
        ("day=2026-11-24&day=2026-11-25", "day", "once"),
    ],
)
async def test_what_the_list_does_not_know_is_refused(
    admin: ApiClient, query: str, parameter: str, detail: str
) -> None:
    english = ApiClient(admin.client, {**admin.headers, "Accept-Language": "en"})

    wrong, why = await listed.fault(english, f"{ALL}?{query}")

    assert wrong == parameter
    assert detail in why


async def test_the_list_is_for_staff(kim: ApiClient) -> None:
    assert (await kim.get(ALL)).status_code == 403
