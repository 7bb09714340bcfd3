"""A parcel leaves only when it is known who it goes to and where; account and people say so."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import msgspec
import pytest
from httpx import AsyncClient

from roadbike.delivery import app
from roadbike.kit.auth import new_signing_key
from roadbike.kit.process.secret import Secret
from tests.delivery.fake_account import FakeAccount, fake_account
from tests.purchase_events import Story
from tests.recipient import RECIPIENT
from tests.service_harness import ApiClient, ServiceHarness, http_client, settings

START = {"deliveryStatus": "배송시작", "trackingNo": "4211-0001"}
ELSEWHERE = RECIPIENT | {"addrNm": "서울시 종로구 세종대로 175"}
KEY = new_signing_key("delivery/1")


@pytest.fixture
async def account() -> AsyncIterator[FakeAccount]:
    async with fake_account(KEY) as account:
        yield account


@pytest.fixture
async def delivery(
    migrated_url: Callable[..., str], dialect: str, account: FakeAccount
) -> AsyncIterator[ServiceHarness]:
    url = migrated_url("roadbike.delivery", dialect)
    own = {"account_url": account.url, "service_key": Secret(KEY)}
    service = app.build(app.Settings(**settings("delivery", url) | own))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(service.db.close)
        for resource in service.resources:
            await stack.enter_async_context(resource)
        yield ServiceHarness(service)


@pytest.fixture
async def client(delivery: ServiceHarness) -> AsyncIterator[AsyncClient]:
    async with http_client(delivery.service) as client:
        yield client


async def prepared(delivery: ServiceHarness, story: Story | None = None, **known: Any) -> str:
    """Prepare a delivery of which only this contact is known, and return its path."""
    story = story or Story()
    blank: dict[str, Any] = dict.fromkeys(("user_name", "phone", "zip_code", "address"))
    registered = msgspec.structs.replace(story.registered(), **blank | known)
    await delivery.consume(registered, story.approved(), story.allocated())
    return f"/deliveries/{(await delivery.published())[-1].delivery_id}"


async def shown(person: ApiClient, path: str) -> dict[str, Any]:
    body: dict[str, Any] = (await person.get(path)).json()
    return body


async def patch(person: ApiClient, path: str, body: object, etag: str | None = None) -> Any:
    headers = {} if etag is None else {"If-Match": etag}
    return await ApiClient(person.client, dict(person.headers) | headers).patch(path, body)


async def test_a_parcel_without_a_contact_does_not_start_and_the_answer_names_what_is_missing(
    delivery: ServiceHarness, account: FakeAccount, admin: ApiClient
) -> None:
    account.contacts["alice"] = {"userNm": "김하나"}
    path = await prepared(delivery, zip_code="13497")

    refused = await admin.patch(path, START)

    assert refused.status_code == 409
    assert refused.json()["type"] == "/problems/no-address"
    assert refused.json()["missing"] == ["telNo", "addrNm"]
    assert "start" not in (await shown(admin, path))["_links"]
    assert await delivery.published_types() == ["DeliveryPrepared"]


async def test_what_is_missing_comes_from_the_buyer_s_account_and_nothing_else(
    delivery: ServiceHarness, account: FakeAccount, admin: ApiClient, alice: ApiClient
) -> None:
    account.contacts["alice"] = RECIPIENT | {"addrNm": "계정의 주소"}
    path = await prepared(delivery, address="예약의 주소")

    seen = await shown(alice, path)

    assert {name: seen[name] for name in RECIPIENT} == RECIPIENT | {"addrNm": "예약의 주소"}
    account.contacts["alice"] = {}
    assert "start" in (await shown(admin, path))["_links"]
    assert (await admin.patch(path, START)).status_code == 200
    started = (await delivery.published())[-1]
    assert (started.phone, started.address) == (RECIPIENT["telNo"], "예약의 주소")
    assert account.asked == ["alice"]  # once; then it was saved


async def test_a_list_shows_the_contact_and_the_link_as_the_delivery_itself_does(
    delivery: ServiceHarness, account: FakeAccount, admin: ApiClient
) -> None:
    account.contacts |= {"alice": RECIPIENT, "bob": {}}
    for user_id in ("alice", "bob", "carol"):
        await prepared(delivery, Story(user_id=user_id))

    listed = (await shown(admin, "/deliveries"))["_embedded"]["deliveries"]

    assert {one["userId"]: "start" in one["_links"] for one in listed} == {
        "alice": True,
        "bob": False,
        "carol": False,
    }
    assert {one["userId"]: one["telNo"] for one in listed}["alice"] == RECIPIENT["telNo"]


async def test_a_start_asks_account_when_nobody_has_looked_before(
    delivery: ServiceHarness, account: FakeAccount, admin: ApiClient
) -> None:
    account.contacts["alice"] = RECIPIENT
    path = await prepared(delivery)

    assert (await admin.patch(path, START)).status_code == 200
    assert (await delivery.published())[-1].zip_code == RECIPIENT["zipCd"]


@pytest.mark.parametrize("status", [500, 401, 503])
async def test_while_account_is_unavailable_a_start_is_503_and_typing_it_in_works(
    delivery: ServiceHarness, account: FakeAccount, admin: ApiClient, status: int
) -> None:
    account.contacts["alice"], account.status = RECIPIENT, status
    path = await prepared(delivery)

    seen = await admin.get(path)
    refused = await admin.patch(path, START)
    typed = await patch(admin, path, ELSEWHERE | START, seen.headers["ETag"])

    assert seen.status_code == 200
    assert "start" not in seen.json()["_links"]
    assert refused.status_code == 503
    assert refused.json()["type"] == "/problems/address-unavailable"
    assert int(refused.headers["Retry-After"]) > 0
    assert typed.status_code == 200
    assert (await delivery.published())[-1].address == ELSEWHERE["addrNm"]


async def test_an_answer_of_account_that_is_no_contact_counts_as_unavailable(
    delivery: ServiceHarness, account: FakeAccount, admin: ApiClient
) -> None:
    account.contacts["alice"] = {"telNo": 7}
    path = await prepared(delivery)

    assert (await admin.patch(path, START)).status_code == 503


@pytest.mark.parametrize("who", ["buyer", "staff"])
async def test_buyer_and_staff_correct_it_with_the_version_that_they_have_read(
    delivery: ServiceHarness, alice: ApiClient, admin: ApiClient, who: str
) -> None:
    person = admin if who == "staff" else alice
    path = await prepared(delivery, **_fields(RECIPIENT))
    etag = (await person.get(path)).headers["ETag"]

    without = await patch(person, path, ELSEWHERE)
    right = await patch(person, path, ELSEWHERE, etag)
    late = await patch(person, path, RECIPIENT, etag)

    assert [one.status_code for one in (without, right, late)] == [428, 200, 412]
    assert right.json()["addrNm"] == ELSEWHERE["addrNm"]
    assert right.headers["ETag"] == (await person.get(path)).headers["ETag"] != etag
    assert await delivery.published_types() == ["DeliveryPrepared"]


async def test_a_patch_that_changes_nothing_keeps_the_version(
    delivery: ServiceHarness, alice: ApiClient
) -> None:
    path = await prepared(delivery, **_fields(RECIPIENT))
    etag = (await alice.get(path)).headers["ETag"]

    empty = await patch(alice, path, {})
    same = await patch(alice, path, RECIPIENT, etag)

    assert (empty.status_code, same.status_code) == (200, 200)
    assert (await alice.get(path)).headers["ETag"] == etag


async def test_a_correction_stays_when_the_registration_is_consumed_again(
    delivery: ServiceHarness, alice: ApiClient
) -> None:
    story = Story()
    path = await prepared(delivery, story, **_fields(RECIPIENT))
    await patch(alice, path, ELSEWHERE, (await alice.get(path)).headers["ETag"])

    await delivery.consume(story.registered())

    assert (await shown(alice, path))["addrNm"] == ELSEWHERE["addrNm"]


async def test_it_is_fixed_once_the_parcel_has_left_or_was_cancelled(
    delivery: ServiceHarness, alice: ApiClient, admin: ApiClient
) -> None:
    sent, cancelled = Story(), Story()
    left = await prepared(delivery, sent, **_fields(RECIPIENT))
    assert (await admin.patch(left, START)).status_code == 200
    stopped = await prepared(delivery, cancelled, **_fields(RECIPIENT))
    await delivery.consume(cancelled.cancelled())

    for path in (left, stopped):
        seen = await alice.get(path)
        refused = await patch(alice, path, ELSEWHERE, seen.headers["ETag"])
        assert refused.status_code == 409
        assert refused.json()["type"] == "/problems/address-fixed"
        assert "correctAddress" not in seen.json()["_links"]


async def test_only_staff_move_and_label_a_parcel(
    delivery: ServiceHarness, alice: ApiClient, mallory: ApiClient
) -> None:
    path = await prepared(delivery, **_fields(RECIPIENT))
    etag = (await alice.get(path)).headers["ETag"]

    assert (await alice.patch(path, START)).status_code == 403
    assert (await alice.patch(path, {"trackingNo": "1"})).status_code == 403
    assert (await patch(mallory, path, ELSEWHERE, etag)).status_code == 404
    assert (await shown(alice, path))["addrNm"] == RECIPIENT["addrNm"]


async def test_a_label_is_refused_for_a_cancelled_parcel_and_kept_against_blanks(
    delivery: ServiceHarness, admin: ApiClient
) -> None:
    story = Story()
    path = await prepared(delivery, story, **_fields(RECIPIENT))
    assert (await admin.patch(path, {"trackingNo": "1"})).status_code == 200

    blank = await admin.patch(path, {"trackingNo": ""})
    nothing = await admin.patch(path, {"trackingNo": None})
    await delivery.consume(story.cancelled())
    late = await admin.patch(path, {"deliveryStatus": "배송취소", "trackingNo": "2"})
    same = await admin.patch(path, {"trackingNo": "1"})

    assert [one.status_code for one in (blank, nothing, late, same)] == [422, 200, 409, 200]
    assert late.json()["type"] == "/problems/parcel-cancelled"
    assert (await shown(admin, path))["trackingNo"] == "1"


@pytest.mark.parametrize(
    "body",
    [
        *({"telNo": text} for text in ("", "12345", "전화", "010-1234-5678\n", "1" * 16)),
        *({"zipCd": text} for text in ("", "12", "13497\n", "12345678901")),
        *({"addrNm": text} for text in ("", "a\nb", "x" * 201)),
    ],
)
async def test_a_contact_that_is_wrong_is_refused_and_named(
    delivery: ServiceHarness, alice: ApiClient, body: dict[str, str]
) -> None:
    path = await prepared(delivery, **_fields(RECIPIENT))

    refused = await patch(alice, path, body, (await alice.get(path)).headers["ETag"])

    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == [f"/{next(iter(body))}"]


def _fields(recipient: dict[str, str]) -> dict[str, str]:
    names = {"userNm": "user_name", "telNo": "phone", "zipCd": "zip_code", "addrNm": "address"}
    return {names[name]: value for name, value in recipient.items()}
