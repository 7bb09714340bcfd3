"""Conditional requests as RFC 9110, 13 says."""

from typing import Any

import pytest

BODY = {"price": 5}


@pytest.mark.parametrize(
    ("tag", "status"),
    [
        ('"3"', 200),
        ("*", 200),
        (" * ", 200),
        ('"4", "3"', 200),
        ('"4","3" , ,', 200),
        ('W/"3", "3"', 200),
        ('"4"', 412),
        ('"03"', 412),
        ('"-1"', 412),
        ('"x,y"', 412),
        ('""', 412),
        ('W/"3"', 412),
        ("3", 422),
        ("", 422),
        (",", 422),
        ('"3', 422),
        ('w/"3"', 422),
        ('"3" "4"', 422),
        ('*, "3"', 422),
        ('"a b"', 422),
    ],
)
async def test_an_edit_names_the_version_it_changes(send: Any, tag: str, status: int) -> None:
    response = await send("PATCH /things/1", BODY, role="admin", If_Match=tag)

    assert response.status_code == status
    if status == 422:
        assert response.json()["errors"][0]["parameter"] == "If-Match"


async def test_an_edit_needs_a_version(send: Any) -> None:
    assert (await send("PATCH /things/1", BODY, role="admin")).status_code == 428
    refused = await send("PATCH /things/1", BODY, role="admin", If_None_Match='"4"')
    assert refused.status_code == 428


@pytest.mark.parametrize(
    ("tag", "status"), [("*", 412), ('"3"', 412), ('W/"3"', 412), ('"4"', 200), ("x", 422)]
)
async def test_an_edit_may_name_versions_it_does_not_change(
    send: Any, tag: str, status: int
) -> None:
    response = await send("PATCH /things/1", BODY, role="admin", If_Match='"3"', If_None_Match=tag)

    assert response.status_code == status


async def test_the_lines_of_a_header_are_one_list(client: Any) -> None:
    usual = {"Authorization": "Bearer admin", "Content-Type": "application/json"}
    lines = [*usual.items(), ("If-Match", '"4"'), ("If-Match", '"3"')]

    assert (await client.patch("/things/1", content="{}", headers=lines)).status_code == 200
    read = [*usual.items(), ("If-None-Match", '"4"'), ("If-None-Match", '"3"')]
    assert (await client.get("/things/1", headers=read)).status_code == 304


@pytest.mark.parametrize(
    ("tag", "status"),
    [
        ('"3"', 304),
        ('W/"3"', 304),
        ("*", 304),
        ('"x", W/"3"', 304),
        ('"4"', 200),
        ('W/"4"', 200),
        ("3", 422),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_read_of_a_known_version_has_no_body(
    send: Any, method: str, tag: str, status: int
) -> None:
    response = await send(f"{method} /things/1", role="buyer", If_None_Match=tag)

    assert response.status_code == status
    if status == 304:
        assert response.content == b""
        assert response.headers["etag"] == '"3"'
        assert response.headers["cache-control"] == "no-store"
        assert "content-type" not in response.headers
        assert "content-length" not in response.headers


@pytest.mark.parametrize(
    ("tag", "status"), [('"3"', 200), ("*", 200), ('"4"', 412), ('W/"3"', 412), ("3", 422)]
)
async def test_a_read_may_be_of_one_version_only(send: Any, tag: str, status: int) -> None:
    response = await send("GET /things/1", role="buyer", If_Match=tag)

    assert response.status_code == status
    if status != 200:
        assert response.headers["content-type"] == "application/problem+json"


async def test_a_response_without_an_etag_has_no_condition(send: Any) -> None:
    for header in ("If_None_Match", "If_Match"):
        response = await send("GET /things", **{header: '"3"'})

        assert response.status_code == 200


async def test_a_refusal_stays_what_it_is(send: Any) -> None:
    assert (await send("GET /things/1", If_None_Match="*")).status_code == 401
    assert (await send("GET /nowhere", If_None_Match="*")).status_code == 404
