"""Bodies are what the type says and nothing else; each fault is named with its pointer."""

import asyncio
from typing import Any

import pytest

GOOD: dict[str, Any] = {"thingNm": "wheel", "price": 5}


def pointers(answer: Any) -> list[str]:
    return [error["pointer"] for error in answer.json()["errors"]]


async def test_a_good_body_is_taken(send: Any, api: Any) -> None:
    answer = await send("POST /things", GOOD, role="admin")

    assert answer.status_code == 201
    assert answer.headers["location"] == "/things/1"
    assert api.stored[0].price == 5


@pytest.mark.parametrize("price", ["5", True, 5.0, 5.5, None, [5], {"n": 5}])
async def test_another_type_is_refused_and_named(send: Any, api: Any, price: Any) -> None:
    answer = await send("POST /things", GOOD | {"price": price}, role="admin")

    assert answer.status_code == 422
    assert pointers(answer) == ["/price"]
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
    answer = await send("POST /things", GOOD | change, role="admin")

    assert answer.status_code == 422
    assert pointers(answer) == [pointer]


async def test_all_unknown_members_are_named_at_once(send: Any) -> None:
    answer = await send("POST /things", GOOD | {"b": 1, "a": 2}, role="admin")

    assert pointers(answer) == ["/a", "/b"]


async def test_an_answer_does_not_grow_with_the_faults(send: Any) -> None:
    strangers = {f"stranger{number}": number for number in range(2000)}
    broken = {"note": ["\x00"] * 2000}

    for body in (GOOD | strangers, GOOD | broken):
        answer = await send("POST /things", body, role="admin")
        assert answer.status_code == 422
        assert len(answer.json()["errors"]) == 20


async def test_a_missing_member_is_named(send: Any) -> None:
    answer = await send("POST /things", {"thingNm": "wheel"}, role="admin")

    assert answer.status_code == 422
    assert pointers(answer) == ["/price"]


@pytest.mark.parametrize("value", [1, "예약완료", None, True, [{"deep": {"er": 1}}]])
async def test_what_the_server_owns_is_ignored_whatever_its_type(
    send: Any, api: Any, value: Any
) -> None:
    answer = await send("POST /things", GOOD | {"thingId": value}, role="admin")

    assert answer.status_code == 201
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
    answer = await send("POST /things", raw, role="admin")

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert api.stored == []


async def test_brackets_in_text_are_no_depth(send: Any) -> None:
    answer = await send("POST /things", GOOD | {"note": '[{"' * 40}, role="admin")

    assert answer.status_code == 201


async def test_text_may_have_several_lines_and_any_script(send: Any, api: Any) -> None:
    note = "한 줄\n두 줄\t\u202e\u2028😀"

    answer = await send("POST /things", GOOD | {"note": note}, role="admin")

    assert answer.status_code == 201
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
    answer = await send("POST /things", GOOD, role="admin", Content_Type=media)

    assert answer.status_code == 415
    assert api.stored == []


@pytest.mark.parametrize(
    "media", ["application/json; charset=UTF-8", "Application/JSON", "application/hal+json"]
)
async def test_json_by_any_of_its_names_is_taken(send: Any, media: str) -> None:
    answer = await send("POST /things", GOOD, role="admin", Content_Type=media)

    assert answer.status_code == 201


async def test_nothing_is_unpacked(send: Any) -> None:
    answer = await send("POST /things", GOOD, role="admin", Content_Encoding="gzip")

    assert answer.status_code == 415


async def test_a_body_in_chunks_is_counted(app: Any) -> None:
    """The app stops reading an endless body by itself."""
    given = 0

    async def receive() -> dict[str, Any]:
        nonlocal given
        given += 1
        return {"type": "http.request", "body": b" " * 1024, "more_body": True}

    status = await asyncio.wait_for(_status(app, receive), timeout=5)

    assert status == 413
    assert given < 70


async def test_a_body_in_chunks_that_is_empty_is_refused(app: Any) -> None:
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
