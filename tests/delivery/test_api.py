"""The HTTP API of deliveries: buyers read their own, staff move them."""

from typing import Any

import pytest
from openapi_spec_validator import validate

from roadbike.delivery import store
from tests.purchase_events import Story
from tests.service_harness import ApiClient, ServiceHarness

START = {"deliveryStatus": "배송시작", "carrier": "한진택배", "trackingNo": "4211-0001"}


async def prepared(delivery: ServiceHarness, story: Story) -> str:
    """Prepare a delivery for the story and return its path."""
    await delivery.consume(story.registered(), story.approved(), story.allocated())
    return f"/deliveries/{(await delivery.published())[-1].delivery_id}"


async def test_a_delivery_shows_where_it_goes_and_what_may_be_done(
    delivery: ServiceHarness, alice: ApiClient
) -> None:
    story = Story()
    path = await prepared(delivery, story)

    shown = (await alice.get(path)).json()

    links = shown.pop("_links")
    assert shown == {
        "deliveryId": path.removeprefix("/deliveries/"),
        "reserveId": str(story.reservation_id),
        "payId": str(story.payment_id),
        "bikeId": 1,
        "userId": "alice",
        "userNm": "김하나",
        "telNo": "010-1234-5678",
        "zipCd": "13497",
        "addrNm": "성남시 분당구 야탑로 1",
        "deliveryStatus": "배송준비",
        "deliveryDt": None,
        "carrier": None,
        "trackingNo": None,
    }
    assert links["self"]["href"] == path
    assert "start" not in links


async def test_staff_start_complete_recall_and_take_back(
    delivery: ServiceHarness, admin: ApiClient
) -> None:
    path = await prepared(delivery, Story())

    started = await admin.patch(path, START)
    dated = started.json()["deliveryDt"]
    others = [
        (await admin.patch(path, {"deliveryStatus": to})).json()
        for to in ("배송완료", "회수중", "회수완료")
    ]

    assert started.status_code == 200
    assert dated is not None
    assert started.json()["trackingNo"] == "4211-0001"
    assert [shown["deliveryStatus"] for shown in others] == ["배송완료", "회수중", "회수완료"]
    assert all(shown["carrier"] == "한진택배" for shown in others)
    assert (await delivery.published_types())[1:] == [
        "DeliveryStarted",
        "DeliveryCompleted",
        "DeliveryRecalled",
        "DeliveryReturned",
    ]


async def test_a_clerk_works_on_deliveries_as_an_admin_does(
    delivery: ServiceHarness, clerk: ApiClient
) -> None:
    path = await prepared(delivery, Story())

    listed = (await clerk.get("/deliveries")).json()
    shown = (await clerk.get(path)).json()
    started = await clerk.patch(path, START)

    assert listed["page"]["totalElements"] == 1
    assert shown["_links"]["start"]["href"] == path
    assert started.json()["deliveryStatus"] == "배송시작"
    assert (await delivery.published())[-1].by == "hana"


async def test_each_status_links_to_what_staff_may_do_next(
    delivery: ServiceHarness, admin: ApiClient
) -> None:
    path = await prepared(delivery, Story())
    rels = []
    for to in ("배송시작", "배송완료", "회수중", "회수완료"):
        rels.append(set((await admin.get(path)).json()["_links"]))
        await admin.patch(path, {"deliveryStatus": to})

    common = {"self", "reservation", "payment", "myPage"}
    assert rels == [
        common | {"start", "correctAddress"},
        common | {"complete", "recall"},
        common | {"recall"},
        common | {"takeBack"},
    ]
    assert set((await admin.get(path)).json()["_links"]) == common


async def test_a_move_to_the_same_status_publishes_nothing_but_corrects_the_label(
    delivery: ServiceHarness, admin: ApiClient
) -> None:
    path = await prepared(delivery, Story())
    first = await admin.patch(path, START)

    same = await admin.patch(path, START)
    corrected = await admin.patch(path, START | {"trackingNo": "4211-0002"})

    assert (same.status_code, same.json()) == (200, first.json())
    assert corrected.json() == first.json() | {"trackingNo": "4211-0002"}
    assert await delivery.published_types() == ["DeliveryPrepared", "DeliveryStarted"]


async def test_start_before_allocation_is_refused(
    delivery: ServiceHarness, admin: ApiClient
) -> None:
    story = Story()
    await delivery.consume(story.registered(), story.approved())
    path = f"/deliveries/{(await delivery.published())[-1].delivery_id}"

    refused = await admin.patch(path, START)

    assert refused.status_code == 409
    assert refused.json()["type"] == "/problems/not-allocated"
    assert (await admin.get(path)).json()["carrier"] is None


async def test_a_move_that_the_lifecycle_lacks_names_both_statuses(
    delivery: ServiceHarness, admin: ApiClient
) -> None:
    path = await prepared(delivery, Story())

    refused = await admin.patch(path, {"deliveryStatus": "배송완료"})

    problem = refused.json()
    assert refused.status_code == 409
    assert (problem["deliveryStatus"], problem["wanted"]) == ("배송준비", "배송완료")
    assert problem["allowed"] == ["배송시작"]
    assert problem["detail"].endswith("지금은 다음 상태로 변경할 수 있습니다: 배송시작")
    assert "'배송준비'" in problem["detail"]
    assert "'배송완료'" in problem["detail"]


async def test_a_cancel_is_a_cancel_of_the_reservation(
    delivery: ServiceHarness, admin: ApiClient
) -> None:
    story = Story()
    path = await prepared(delivery, story)

    refused = await admin.patch(path, {"deliveryStatus": "배송취소"})

    assert refused.status_code == 409
    link = refused.json()["_links"]["reservation"]["href"]
    assert link == f"/reservations/{story.reservation_id}"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"deliveryStatus": "배송"}, "/deliveryStatus"),
        ({"deliveryStatus": "배송시작", "carrier": 1}, "/carrier"),
        ({"deliveryStatus": "배송시작", "weight": 8}, "/weight"),
    ],
)
async def test_a_body_that_is_wrong_is_refused(
    delivery: ServiceHarness, admin: ApiClient, body: Any, pointer: str
) -> None:
    path = await prepared(delivery, Story())

    refused = await admin.patch(path, body)

    assert refused.status_code == 422
    assert [error.get("pointer") for error in refused.json()["errors"]] == [pointer]


async def test_an_unknown_status_is_refused_and_the_known_ones_are_named(
    delivery: ServiceHarness, admin: ApiClient
) -> None:
    path = await prepared(delivery, Story())

    refused = await admin.patch(path, {"deliveryStatus": "배송"})

    (error,) = refused.json()["errors"]
    assert error["detail"] == ("다음 중 하나여야 합니다: 배송시작, 배송완료, 회수중, 회수완료")


async def test_buyers_move_nothing_and_see_only_their_own(
    delivery: ServiceHarness, alice: ApiClient, mallory: ApiClient
) -> None:
    path = await prepared(delivery, Story())

    assert (await alice.patch(path, START)).status_code == 403
    foreign = await mallory.get(path)
    absent = await mallory.get(f"/deliveries/{Story().delivery_id}")
    assert (foreign.status_code, absent.status_code) == (404, 404)
    assert foreign.json()["detail"] == absent.json()["detail"]
    assert (await mallory.get("/deliveries")).json()["page"]["totalElements"] == 0


async def test_a_delivery_without_a_parcel_is_shown_nowhere(
    delivery: ServiceHarness, alice: ApiClient, admin: ApiClient
) -> None:
    story = Story()
    await delivery.consume(story.registered(), story.cancelled())
    async with delivery.db.read() as tx:
        row = await store.DELIVERIES.get(tx, story.reservation_id)
    assert row is not None
    path = f"/deliveries/{row.delivery_id}"

    assert (await alice.get(path)).status_code == 404
    assert (await admin.get(path)).status_code == 404
    assert (await admin.patch(path, START)).status_code == 404
    listed = (await admin.get(f"/deliveries?reserveId={story.reservation_id}")).json()
    assert listed["_embedded"]["deliveries"] == []
    assert (await admin.get("/deliveries")).json()["page"]["totalElements"] == 0


async def test_a_list_is_paged_sorted_and_found_by_reservation(
    delivery: ServiceHarness, alice: ApiClient, admin: ApiClient
) -> None:
    stories = [Story(), Story(), Story(user_id="bob")]
    paths = [await prepared(delivery, story) for story in stories]
    await admin.patch(paths[0], START)

    def ids(answer: Any) -> list[str]:
        return [f"/deliveries/{d['deliveryId']}" for d in answer["_embedded"]["deliveries"]]

    assert ids((await alice.get("/deliveries")).json()) == [paths[1], paths[0]]
    second = (await admin.get("/deliveries?size=2&page=1")).json()
    assert ids(second) == [paths[0]]
    assert second["page"]["totalElements"] == 3
    by_date = (await admin.get("/deliveries?sort=deliveryDt,asc")).json()
    assert ids(by_date) == [paths[0], paths[2], paths[1]]
    found = await admin.get(f"/deliveries?reserveId={stories[2].reservation_id}")
    assert ids(found.json()) == [paths[2]]
    assert (await alice.get("/deliveries?reserveId=7")).status_code == 422
    assert (await alice.get("/deliveries?sort=carrier")).status_code == 422


async def test_the_api_is_documented(alice: ApiClient) -> None:
    document = (await alice.get("/openapi.json")).json()

    validate(document)
    assert set(document["paths"]) == {
        *("/deliveries", "/deliveries/all", "/deliveries/audit", "/deliveries/{delivery_id}")
    }
    assert document["components"]["schemas"]["DeliveryChange"]["additionalProperties"] is False
