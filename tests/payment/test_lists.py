"""Staff's lists of payments and refunds: filters, pages, and the same rows as tables."""

from typing import Any

import pytest

from roadbike.payment import store
from tests import listed
from tests.past import LONG_AGO
from tests.payment.http import ask, open_payment
from tests.purchase_events import Story
from tests.service_harness import ApiClient, ServiceHarness

STORE, OTHER_STORE = "store-1", "store-2"
PAYMENTS, REFUNDS = "/payments/all", "/payments/refunds"


async def opened(reservation: ApiClient, story: Story, **changes: str) -> str:
    answer = await open_payment(reservation, story.reservation_id, **changes)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["payId"])


async def paid(reservation: ApiClient, alice: ApiClient, story: Story, store_name: str) -> str:
    id_ = await opened(reservation, story, reserveStore=store_name)
    answer = await ask(alice, f"PATCH /payments/{id_}", {"payStatus": "결제완료"})
    assert answer.status_code == 200, answer.text
    return id_


@pytest.fixture
async def ids(
    payment: ServiceHarness, reservation: ApiClient, alice: ApiClient
) -> tuple[str, str, str]:
    """Return payments that are due, paid, and refunded or about to be.

    The first was opened by a reservation service that does not send the store.
    """
    story = Story()
    due = await opened(reservation, Story())
    kept = await paid(reservation, alice, Story(), STORE)
    back = await paid(reservation, alice, story, OTHER_STORE)
    await payment.consume(story.cancelled())
    return due, kept, back


async def test_filters_narrow_the_payments(ids: tuple[str, str, str], admin: ApiClient) -> None:
    due, kept, back = ids
    day = listed.today_in_seoul()
    expected = {
        "": [back, kept, due],
        f"payStatus={listed.quote('결제예정')}": [due],
        f"payStatus={listed.quote('환불중')}": [back],
        f"day={day}": [back, kept, due],
        "day=2020-01-01": [],
        "userId=alice": [back, kept, due],
        "userId=bob": [],
        "bikeId=1": [back, kept, due],
        "bikeId=2": [],
        f"reserveStore={STORE}": [kept],
        "reserveStore=x": [],
        "slow=true": [],
    }
    for query, found in expected.items():
        paged = f"{PAYMENTS}?size=2{query and f'&{query}'}"
        assert await listed.values(admin, paged, "payId") == found, query
        table = await listed.table(admin, f"{PAYMENTS}?{query}")
        assert [row["payId"] for row in table] == found


async def test_filters_narrow_the_refunds(ids: tuple[str, str, str], admin: ApiClient) -> None:
    back = ids[2]
    day = listed.today_in_seoul()
    expected = {"": [back], f"day={day}": [back], "day=2020-01-01": [], "userId=bob": []}
    expected |= {"userId=alice": [back], "bikeId=2": [], "slow=true": []}
    expected |= {f"reserveStore={OTHER_STORE}": [back], f"reserveStore={STORE}": []}
    for query, found in expected.items():
        assert await listed.values(admin, f"{REFUNDS}?{query}", "payId") == found, query
        assert [row["payId"] for row in await listed.table(admin, f"{REFUNDS}?{query}")] == found


async def test_a_refund_that_is_owed_for_a_minute_is_slow(
    payment: ServiceHarness, ids: tuple[str, str, str], admin: ApiClient
) -> None:
    await in_the_past(payment, store.REFUND, since=LONG_AGO)

    assert await listed.values(admin, f"{REFUNDS}?slow=true", "payId") == [ids[2]]
    assert await listed.values(admin, f"{PAYMENTS}?slow=true", "payId") == [ids[2]]


async def test_an_answer_that_is_missing_for_a_minute_is_slow(
    payment: ServiceHarness, reservation: ApiClient, alice: ApiClient, admin: ApiClient
) -> None:
    id_ = await opened(reservation, Story())
    lost = ApiClient(alice.client, {**alice.headers, "X-Simulate": "unknown-captured"})
    answer = await ask(lost, f"PATCH /payments/{id_}", {"payStatus": "결제완료"})
    assert answer.status_code == 202, answer.text
    assert await listed.values(admin, f"{PAYMENTS}?slow=true", "payId") == []

    await in_the_past(payment, store.ATTEMPT, asked_at=LONG_AGO)

    assert await listed.values(admin, f"{PAYMENTS}?slow=true", "payId") == [id_]


@pytest.mark.parametrize("path", [PAYMENTS, REFUNDS])
@pytest.mark.parametrize(
    "query", ["payStatus=x", "slow=1", f"reserveStore={'x' * 201}", "store=x", "after=x"]
)
async def test_what_a_list_does_not_know_is_refused(
    admin: ApiClient, path: str, query: str
) -> None:
    assert (await listed.fault(admin, f"{path}?{query}"))[0] == query.partition("=")[0]


@pytest.mark.parametrize("path", [PAYMENTS, REFUNDS])
async def test_the_lists_are_for_admins(alice: ApiClient, path: str) -> None:
    assert (await alice.get(path)).status_code == 403


async def in_the_past(payment: ServiceHarness, table: Any, **values: Any) -> None:
    async def age(tx: Any) -> None:
        await tx.execute(table.update().values(**values))

    await payment.db.transact(age)
