"""A route takes the parameters that it declares, each once and in one form."""

import unicodedata
from typing import Any
from urllib.parse import quote

import pytest

NFD = quote(unicodedata.normalize("NFD", "한"))
ODD_NUMBERS = ["+1", "%2B1", "01", "-1", "-0", "1.0", "1e1", "1_0", "%201", "1%20", "0x1"]
OTHER_DIGITS = [quote("１"), quote("١"), quote("१")]


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("colour=red", ["colour"]),
        ("Page=1", ["Page"]),
        ("PAGE=1&Size=2&q=x", ["PAGE", "Size"]),
        ("page=1&page=1", ["page"]),
        ("q=a&q=b", ["q"]),
        ("page=null", ["page"]),
        ("page=", ["page"]),
        ("page", ["page"]),
        ("q=", ["q"]),
        ("q=%20%E3%80%80", ["q"]),
        ("sort=", ["sort"]),
        ("page=1&", [""]),
        ("q=%ff", ["q"]),
        ("q=%ED%A0%80", ["q"]),
        ("q=a%0Ab", ["q"]),
        ("q=a%1b", ["q"]),
        ("q=%7f", ["q"]),
        ("q=%E2%80%AE", ["q"]),
        ("page=x&size=y&colour=1&colour=2", ["page", "size", "colour"]),
        ("sort=price,", ["sort"]),
        ("sort=Price", ["sort"]),
        ("sort=price,asc,desc", ["sort"]),
        *((f"page={number}", ["page"]) for number in [*ODD_NUMBERS, *OTHER_DIGITS]),
        ("page=" + "1" * 5000, ["page"]),
    ],
)
async def test_a_wrong_parameter_is_named(send: Any, query: str, wrong: list[str]) -> None:
    response = await send(f"GET /things?{query}")

    assert response.status_code == 422
    assert [error["parameter"] for error in response.json()["errors"]] == wrong


async def test_an_unknown_parameter_is_refused_with_the_known_ones(send: Any) -> None:
    response = await send("GET /things?pages=1", **{"Accept-Language": "en"})

    (error,) = response.json()["errors"]
    assert error["detail"] == (
        "This address does not take that parameter. It takes: page, size, after, sort, q"
    )


@pytest.mark.parametrize(
    "request_line",
    [
        "GET /whoami?page=1",
        "GET /livez?x=1",
        "GET /replay?",
        "GET /problems/invalid?x=1",
        "GET /openapi.json?x=1",
        "OPTIONS /things?x=1",
        "GET /nowhere?x=1",
    ],
)
async def test_a_route_without_parameters_takes_none(send: Any, request_line: str) -> None:
    wanted = {"GET /replay?": 201, "GET /nowhere?x=1": 404}.get(request_line, 422)

    assert (await send(request_line)).status_code == wanted


async def test_it_is_checked_who_asks_before_what_is_asked(send: Any) -> None:
    assert (await send("GET /time/own?x=1")).status_code == 401
    assert (await send("GET /time/own?x=1", role="buyer")).status_code == 422


@pytest.mark.parametrize("direction", ["desc", "DESC", "Desc"])
async def test_a_direction_has_any_case(send: Any, direction: str) -> None:
    response = await send(f"GET /things?sort=price,{direction}")

    assert response.json()["_embedded"]["things"][0]["thingNm"] == "0 [('price', True)] None"


@pytest.mark.parametrize("q", ["한", quote("한"), NFD, f"%20{NFD}+", f"%E3%80%80{NFD}"])
async def test_a_search_is_one_line_in_one_composition(send: Any, q: str) -> None:
    response = await send(f"GET /things?q={q}")

    assert response.json()["_embedded"]["things"][0]["thingNm"] == "0 [] 한"
    assert response.json()["_links"]["self"]["href"] == "/things?page=0&size=20&q=%ED%95%9C"


async def test_null_is_a_word_like_others(send: Any) -> None:
    response = await send("GET /things?q=null")

    assert response.json()["_embedded"]["things"][0]["thingNm"] == "0 [] null"


@pytest.mark.parametrize("number", [*ODD_NUMBERS, *OTHER_DIGITS, "7/", "/7", "7//", "%2F7"])
async def test_a_thing_has_one_address(send: Any, number: str) -> None:
    for method in ("GET", "DELETE"):
        response = await send(f"{method} /things/{number}", role="admin")

        assert response.status_code == 404


@pytest.mark.parametrize("name", ["Idempotency-Key"])
async def test_a_header_that_is_one_value_is_sent_once(client: Any, name: str) -> None:
    once = {"Authorization": "Bearer buyer", "Idempotency-Key": "k"}

    response = await client.put("/things/1", headers=[*once.items(), (name, once[name])])

    assert response.status_code == 422
    assert [error["parameter"] for error in response.json()["errors"]] == [name]
