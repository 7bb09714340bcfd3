"""Staff's list of deliveries: filters, pages, and the same rows as a table."""

from typing import Any

import pytest

from roadbike.delivery import store
from tests import listed
from tests.past import LONG_AGO
from tests.purchase_events import Story
from tests.service_harness import ApiClient, ServiceHarness

ALL = "/deliveries/all"
START = {"deliveryStatus": "배송시작", "carrier": "한진택배", "trackingNo": "+82"}


@pytest.fixture
async def parcels(delivery: ServiceHarness, admin: ApiClient) -> list[str]:
    """Return the ids of three deliveries: started, ready to be sent, and without a unit."""
    ids = []
    for number in range(3):
        story = Story()
        await delivery.consume(story.registered(), story.approved())
        ids.append(str((await delivery.published())[-1].delivery_id))
        if number < 2:
            await delivery.consume(story.allocated())
    started = await admin.patch(f"/deliveries/{ids[0]}", START)
    assert started.status_code == 200, started.text
    return ids


async def test_filters_narrow_the_list(parcels: list[str], admin: ApiClient) -> None:
    started, ready, waiting = parcels
    today = (await admin.get(f"/deliveries/{started}")).json()["deliveryDt"]
    day = listed.day_in_seoul(today)
    expected: dict[str, list[str]] = {
        "": [waiting, ready, started],
        "oldestFirst=true": [started, ready, waiting],
        f"deliveryStatus={listed.quote('배송준비')}": [waiting, ready],
        f"day={day}": [started],
        "day=2020-01-01": [],
        "userId=alice": [waiting, ready, started],
        "userId=bob": [],
        "bikeId=1": [waiting, ready, started],
        "bikeId=2": [],
        f"reserveStore={listed.quote('분당야탑점')}": [waiting, ready, started],
        "reserveStore=x": [],
        "slow=true": [],
    }
    for query, ids in expected.items():
        assert await listed.values(admin, f"{ALL}?{query}", "deliveryId") == ids, query
        assert [row["deliveryId"] for row in await listed.table(admin, f"{ALL}?{query}")] == ids


async def test_a_parcel_that_has_waited_for_a_unit_for_a_minute_is_slow(
    delivery: ServiceHarness, parcels: list[str], admin: ApiClient
) -> None:
    async def age(tx: Any) -> None:
        await tx.execute(store.DELIVERY.update().values(prepared_at=LONG_AGO))

    await delivery.db.transact(age)

    assert await listed.values(admin, f"{ALL}?slow=true", "deliveryId") == [parcels[2]]


async def test_a_row_says_what_may_be_done_and_since_when_it_waits(
    parcels: list[str], admin: ApiClient
) -> None:
    [waiting, ready, started] = [
        row for page in await listed.pages(admin, f"{ALL}?size=1") for row in page
    ]

    assert "start" in ready["_links"]
    assert "start" not in waiting["_links"]
    assert (ready["allocated"], waiting["allocated"]) == (True, False)
    assert {"complete", "recall"} <= started["_links"].keys()
    assert all(row["preparedAt"] for row in (waiting, ready, started))
    assert ready["etag"] == (await admin.get(f"/deliveries/{parcels[1]}")).headers["etag"]


@pytest.mark.usefixtures("parcels")
async def test_the_table_has_no_formula_and_no_price(admin: ApiClient) -> None:
    rows = await listed.table(admin, ALL)

    assert rows[-1]["trackingNo"] == "'+82"
    assert not [name for name in rows[0] if "price" in name.lower()]


@pytest.mark.parametrize(
    "query", ["deliveryStatus=gone", "slow=1", f"reserveStore={'x' * 201}", "store=x", "day=x"]
)
async def test_what_the_list_does_not_know_is_refused(admin: ApiClient, query: str) -> None:
    assert (await listed.fault(admin, f"{ALL}?{query}"))[0] == query.partition("=")[0]


async def test_the_list_is_for_staff(alice: ApiClient) -> None:
    assert (await alice.get(ALL)).status_code == 403
