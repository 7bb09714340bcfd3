"""The HTTP API of my page: your own purchases, how they stand and what happened to them."""

from datetime import timedelta
from typing import Any

import pytest
from openapi_spec_validator import validate

from tests.purchase_events import NOON, Story
from tests.service_harness import FIRST, ApiClient, ServiceHarness, message


def path_of(story: Story) -> str:
    return f"/myPages/{story.reservation_id}"


async def test_a_purchase_shows_all_that_is_known_of_it(
    mypage: ServiceHarness, alice: ApiClient
) -> None:
    story = Story()
    await mypage.consume(
        story.registered(), story.opened(), story.approved(), story.prepared(), story.started()
    )

    shown = (await alice.get(path_of(story))).json()

    links = {rel: link["href"] for rel, link in shown.pop("_links").items()}
    assert shown == {
        "reserveId": str(story.reservation_id),
        "bikeId": 1,
        "bikeNm": "TREK Emonda",
        "userId": "alice",
        "userNm": "김하나",
        "reserveStore": "분당야탑점",
        "reserveDt": "2026-11-24T03:00:00Z",
        "reserveStatus": "예약완료",
        "price": 5_100_000,
        "telNo": "010-1234-5678",
        "zipCd": "13497",
        "addrNm": "성남시 분당구 야탑로 1",
        "payId": str(story.payment_id),
        "payStatus": "결제완료",
        "payUntil": "2026-11-24T03:30:00Z",
        "deliveryId": str(story.delivery_id),
        "deliveryStatus": "배송시작",
        "deliveryDt": "2026-11-24T03:00:00Z",
        "carrier": "한빛택배",
        "trackingNo": "6012-3345",
        "stockStatus": "배정대기",
    }
    assert links == {
        "self": path_of(story),
        "timeline": f"{path_of(story)}/timeline",
        "reservation": f"/reservations/{story.reservation_id}",
        "payment": f"/payments/{story.payment_id}",
        "delivery": f"/deliveries/{story.delivery_id}",
    }


async def test_what_may_be_done_next_is_linked(mypage: ServiceHarness, alice: ApiClient) -> None:
    story = Story()
    await mypage.consume(story.registered(), story.opened())

    links = (await alice.get(path_of(story))).json()["_links"]

    assert links["pay"]["href"] == f"/payments/{story.payment_id}"
    assert links["cancel"]["href"] == f"/reservations/{story.reservation_id}"
    assert "delivery" not in links


async def test_a_purchase_is_shown_once_it_is_registered(
    mypage: ServiceHarness, alice: ApiClient, admin: ApiClient
) -> None:
    story = Story()
    await mypage.consume(story.opened(), story.cancelled(registered=False))

    assert (await alice.get(path_of(story))).status_code == 404
    assert (await alice.get(f"{path_of(story)}/timeline")).status_code == 404
    assert (await admin.get(path_of(story))).status_code == 404
    assert (await admin.get("/myPages")).json()["page"]["totalElements"] == 0


async def test_a_purchase_of_somebody_else_looks_like_none(
    mypage: ServiceHarness, mallory: ApiClient
) -> None:
    story = Story()
    await mypage.consume(story.registered())

    for tail in ("", "/timeline"):
        foreign = await mallory.get(path_of(story) + tail)
        absent = await mallory.get(path_of(Story()) + tail)
        assert (foreign.status_code, absent.status_code) == (404, 404)
        assert foreign.json()["detail"] == absent.json()["detail"]
    assert (await mallory.get("/myPages")).json()["_embedded"]["myPages"] == []
    assert (await mallory.get("/myPages/7")).status_code == 404


async def test_the_timeline_shows_what_happened_oldest_first(
    mypage: ServiceHarness, alice: ApiClient
) -> None:
    story = Story()
    later = FIRST + timedelta(minutes=5)
    await mypage.consume_messages([message(story.cancelled(), later)])
    await mypage.consume_messages([message(story.registered(), FIRST)])
    await mypage.consume_messages(
        [message(story.never_prepared(), later + timedelta(microseconds=1))]
    )

    timeline = (await alice.get(f"{path_of(story)}/timeline")).json()

    assert timeline["_embedded"]["timeline"] == [
        {
            "event": "ReservationRegistered",
            "reserveStatus": "예약완료",
            "at": "2026-11-24T03:00:00Z",
        },
        {
            "event": "ReservationCancelled",
            "reserveStatus": "예약취소",
            "reason": "buyer",
            "by": "buyer",
            "at": "2026-11-24T03:05:00Z",
        },
        {
            "event": "DeliveryCancelled",
            "reason": "reservation-cancelled",
            "at": "2026-11-24T03:05:00.000001Z",
        },
    ]
    assert timeline["_links"]["myPage"]["href"] == path_of(story)


async def test_a_late_event_still_enters_the_timeline(
    mypage: ServiceHarness, alice: ApiClient
) -> None:
    story = Story()
    await mypage.consume_messages([message(story.registered()), message(story.approved(), FIRST)])
    await mypage.consume_messages([message(story.opened(), FIRST - timedelta(seconds=1))])

    timeline = (await alice.get(f"{path_of(story)}/timeline")).json()["_embedded"]["timeline"]

    assert timeline[0]["event"] == "PaymentOpened"
    assert (await alice.get(path_of(story))).json()["payStatus"] == "결제완료"


async def test_a_list_is_paged_newest_first(
    mypage: ServiceHarness, alice: ApiClient, admin: ApiClient
) -> None:
    stories = [Story(reserved_at=NOON + timedelta(days=day)) for day in (2, 1, 3)]
    stories.append(Story(user_id="bob"))
    await mypage.consume(*(story.registered() for story in stories))

    def days(answer: Any) -> list[str]:
        return [shown["reserveDt"][8:10] for shown in answer.json()["_embedded"]["myPages"]]

    assert days(await alice.get("/myPages")) == ["27", "26", "25"]
    assert days(await alice.get("/myPages?sort=reserveDt,asc")) == ["25", "26", "27"]
    second = await admin.get("/myPages?size=3&page=1")
    assert days(second) == ["24"]
    assert second.json()["page"] == {
        "size": 3,
        "totalElements": 4,
        "totalPages": 2,
        "number": 1,
    }


@pytest.mark.parametrize("query", ["size=0", "size=101", "page=-1", "sort=price,desc"])
async def test_a_page_that_cannot_be_is_refused(alice: ApiClient, query: str) -> None:
    assert (await alice.get(f"/myPages?{query}")).status_code == 422


async def test_nothing_is_shown_without_a_token(mypage: ServiceHarness, alice: ApiClient) -> None:
    story = Story()
    await mypage.consume(story.registered())

    assert (await alice.client.get(path_of(story))).status_code == 401


async def test_the_api_is_documented(alice: ApiClient) -> None:
    document = (await alice.get("/openapi.json")).json()

    validate(document)
    one = "/myPages/{reservation_id}"
    changes = "/internal/purchases/changes"
    audit = "/myPages/audit"
    assert set(document["paths"]) == {"/myPages", one, f"{one}/timeline", changes, audit}
