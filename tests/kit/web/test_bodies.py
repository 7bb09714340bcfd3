"""A body must match its type exactly; each fault is named with its pointer."""

import asyncio
import unicodedata
from typing import Any

import pytest

GOOD: dict[str, Any] = {"thingNm": "wheel", "price": 5}


def pointers(response: Any) -> list[str]:
    return [error["pointer"] for error in response.json()["errors"]]


async def test_a_valid_body_is_accepted(send: Any, api: Any) -> None:
    response = await send("POST /things", GOOD, role="admin")

    assert response.status_code == 201
    assert response.headers["location"] == "/things/1"
    assert api.stored[0].price == 5


@pytest.mark.parametrize("price", ["5", True, 5.0, 5.5, None, [5], {"n": 5}])
async def test_a_value_of_another_type_is_named(send: Any, api: Any, price: Any) -> None:
    response = await send("POST /things", GOOD | {"price": price}, role="admin")

    assert response.status_code == 422
    assert pointers(response) == ["/price"]
    assert api.stored == []


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"price": -1}, "/price"),
        ({"thingNm": ""}, "/thingNm"),
        ({"thingNm": "x" * 201}, "/thingNm"),
        ({"thingNm": "two\nlines"}, "/thingNm"),
        ({"parts": [{"partNo": 1}, {"partNo": "2"}]}, "/parts/1/partNo"),
        ({"parts": [{"partNo": 1, "colour": "red"}]}, "/parts/0/colour"),
        ({"parts": [{}]}, "/parts/0/partNo"),
        ({"colour": "red"}, "/colour"),
        ({"a/b~c": 1}, "/a~1b~0c"),
    ],
)
async def test_a_wrong_member_is_named(send: Any, change: dict[str, Any], pointer: str) -> None:
    response = await send("POST /things", GOOD | change, role="admin")

    assert response.status_code == 422
    assert pointers(response) == [pointer]


async def test_all_unknown_members_are_named_at_once(send: Any) -> None:
    response = await send("POST /things", GOOD | {"b": 1, "a": 2}, role="admin")

    assert pointers(response) == ["/a", "/b"]


async def test_a_response_names_at_most_twenty_faults(send: Any) -> None:
    unknown = {f"unknown{number}": number for number in range(2000)}
    broken = {"note": ["\x00"] * 2000}

    for body in (GOOD | unknown, GOOD | broken):
        response = await send("POST /things", body, role="admin")
        assert response.status_code == 422
        assert len(response.json()["errors"]) == 20


async def test_a_missing_member_is_named(send: Any) -> None:
    response = await send("POST /things", {"thingNm": "wheel"}, role="admin")

    assert response.status_code == 422
    assert pointers(response) == ["/price"]


@pytest.mark.parametrize("value", [1, "예약완료", None, True, [{"deep": {"er": 1}}]])
async def test_a_member_that_the_server_sets_is_ignored_whatever_its_type(
    send: Any, api: Any, value: Any
) -> None:
    response = await send("POST /things", GOOD | {"thingId": value}, role="admin")

    assert response.status_code == 201
    assert not hasattr(api.stored[0], "thing_id")


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"null", 422),
        (b"[]", 422),
        (b'"text"', 422),
        (b'{"thingNm":"x","price":NaN}', 400),
        (b'{"thingNm":"x","price":Infinity}', 400),
        (b'{"thingNm":"x","price":1e309}', 422),
        (b'{"thingNm":"x","price":' + b"9" * 5000 + b"}", 400),
        (b'{"thingNm":"x","price":18446744073709551616}', 422),
        (b'{"thingNm":"x","price":1,"price":2}', 422),
        (b'{"thingNm":"x","price":1,"parts":[{"partNo":1,"partNo":1}]}', 422),
        (b'{"thingNm":"\xff","price":1}', 400),
        ('{"thingNm":"x","price":1}'.encode("utf-16"), 400),
        (b'\xef\xbb\xbf{"thingNm":"x","price":1}', 400),
        (rb'{"thingNm":"\ud800","price":1}', 422),
        (rb'{"thingNm":"x","price":1,"note":"a\u0000b"}', 422),
        (rb'{"thingNm":"x","price":1,"note":"a\u001bb"}', 422),
        (b'{"thingNm":"x","price":1,"note":"a\x7fb"}', 422),
        (rb'{"thingNm":"x","price":1,"\u0000":1}', 422),
        (b"[" * 60_000, 422),
        (b'{"a":' * 21 + b"1" + b"}" * 21, 422),
        (b" " * 65_537, 413),
    ],
)
async def test_hostile_json_is_refused(send: Any, api: Any, raw: bytes, status: int) -> None:
    response = await send("POST /things", raw, role="admin")

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert api.stored == []


async def test_brackets_in_text_do_not_count_as_depth(send: Any) -> None:
    response = await send("POST /things", GOOD | {"note": '[{"' * 40}, role="admin")

    assert response.status_code == 201


async def test_text_may_have_several_lines_and_any_script(send: Any, api: Any) -> None:
    note = "한 줄\n두 줄\t\u202e\u2028😀"

    response = await send("POST /things", GOOD | {"note": note}, role="admin")

    assert response.status_code == 201
    assert api.stored[0].note == note


@pytest.mark.parametrize(
    "media",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=euc-kr",
        "application/jsonp",
        "",
    ],
)
async def test_another_media_type_is_refused(send: Any, api: Any, media: str) -> None:
    response = await send("POST /things", GOOD, role="admin", Content_Type=media)

    assert response.status_code == 415
    assert api.stored == []


@pytest.mark.parametrize(
    "media", ["application/json; charset=UTF-8", "Application/JSON", "application/hal+json"]
)
async def test_every_json_media_type_is_accepted(send: Any, media: str) -> None:
    response = await send("POST /things", GOOD, role="admin", Content_Type=media)

    assert response.status_code == 201


async def test_a_compressed_body_is_refused(send: Any) -> None:
    response = await send("POST /things", GOOD, role="admin", Content_Encoding="gzip")

    assert response.status_code == 415


async def test_a_chunked_body_over_the_limit_is_refused(app: Any) -> None:
    """The app stops reading an endless body."""
    chunks = 0

    async def receive() -> dict[str, Any]:
        nonlocal chunks
        chunks += 1
        return {"type": "http.request", "body": b" " * 1024, "more_body": True}

    status = await asyncio.wait_for(_status(app, receive), timeout=5)

    assert status == 413
    assert chunks < 70


async def test_an_empty_chunked_body_is_refused(app: Any) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    assert await _status(app, receive) == 400


async def _status(app: Any, receive: Any) -> int:
    sent = []

    async def keep(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(_chunked(), receive, keep)
    status: int = sent[0]["status"]
    return status


def _chunked() -> dict[str, Any]:
    head = {
        b"authorization": b"Bearer admin",
        b"content-type": b"application/json",
        b"transfer-encoding": b"chunked",
    }
    return {
        "type": "http",
        "method": "POST",
        "path": "/things",
        "raw_path": b"/things",
        "root_path": "",
        "query_string": b"",
        "scheme": "http",
        "http_version": "1.1",
        "headers": list(head.items()),
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "asgi": {"version": "3.0"},
    }


async def test_texts_are_composed_before_their_length_counts(send: Any, api: Any) -> None:
    decomposed = unicodedata.normalize("NFD", "각" * 200)
    body = GOOD | {"thingNm": f"\u3000{decomposed} ", "note": unicodedata.normalize("NFD", "é")}

    response = await send("POST /things", body, role="admin")

    assert response.status_code == 201
    assert (api.stored[0].thing_nm, api.stored[0].note) == ("각" * 200, "é")


async def test_each_text_that_cannot_be_is_named(send: Any) -> None:
    response = await send(
        "POST /things", GOOD | {"thingNm": "a\u202eb", "note": "\u0301" * 31}, role="admin"
    )
    assert pointers(response) == ["/note"]

    response = await send("POST /things", GOOD | {"thingNm": "a\u202eb"}, role="admin")
    assert pointers(response) == ["/thingNm"]
