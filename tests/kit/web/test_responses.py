"""Responses: HAL pages, common headers, conditions, health."""

from typing import Any

import pytest

ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


async def test_a_page_links_to_its_neighbours(send: Any) -> None:
    response = await send("GET /things?page=1&size=20&sort=price,desc&q=한")

    page = response.json()
    query = "size=20&sort=price,desc&q=%ED%95%9C"
    assert response.headers["content-type"] == "application/hal+json"
    assert page["page"] == {"size": 20, "totalElements": 45, "totalPages": 3, "number": 1}
    assert page["_links"] == {
        "self": {"href": f"/things?page=1&{query}"},
        "first": {"href": f"/things?page=0&{query}"},
        "prev": {"href": f"/things?page=0&{query}"},
        "next": {"href": f"/things?page=2&{query}"},
        "last": {"href": f"/things?page=2&{query}"},
    }
    (thing,) = page["_embedded"]["things"]
    assert thing["thingNm"] == "1 [('price', True)] 한"
    assert thing["_links"] == {"self": {"href": "/things/1"}}


async def test_by_default_a_page_is_the_first_twenty_items(send: Any) -> None:
    page = (await send("GET /things")).json()

    assert page["page"]["number"] == 0
    assert page["page"]["size"] == 20
    assert "prev" not in page["_links"]


async def test_the_last_page_has_no_next(send: Any) -> None:
    links = (await send("GET /things?page=2")).json()["_links"]

    assert "next" not in links
    assert links["prev"]["href"].startswith("/things?page=1&")


@pytest.mark.parametrize(
    "query",
    [
        "size=0",
        "size=-1",
        "size=101",
        "size=1000000000",
        "size=x",
        "page=-1",
        "page=99999999999999999999",
        "sort=thingNm",
        "sort=price;drop",
        "sort=price,up",
        "sort=price&sort=price",
        "sort=price&sort=price,desc",
        "q=%00",
        "q=" + "x" * 201,
    ],
)
async def test_a_wrong_paging_parameter_is_named(send: Any, query: str) -> None:
    response = await send(f"GET /things?{query}")

    assert response.status_code == 422
    assert response.json()["errors"][0]["parameter"] == query.partition("=")[0]


async def test_an_unknown_sort_order_is_refused_with_the_known_ones(send: Any) -> None:
    response = await send("GET /things?sort=thingNm", **{"Accept-Language": "en"})

    (error,) = response.json()["errors"]
    assert error["detail"] == "Must be one of: price,asc, price,desc"


async def test_bytes_are_sent_unchanged(send: Any) -> None:
    response = await send("GET /replay")

    assert response.status_code == 201
    assert response.content == b'{"exactly" :  "these bytes"}'
    assert response.headers["content-type"] == "application/hal+json"


async def test_a_204_has_an_empty_body(send: Any) -> None:
    response = await send("DELETE /things/1", role="admin")

    assert response.status_code == 204
    assert response.content == b""


async def test_a_head_is_a_get_without_the_body(send: Any) -> None:
    full, head = await send("GET /replay"), await send("HEAD /replay")

    assert head.status_code == full.status_code
    assert head.content == b""
    assert head.headers["content-length"] == full.headers["content-length"]


@pytest.mark.parametrize(
    ("request_line", "role", "status"),
    [
        ("GET /things", None, 200),
        ("GET /things/1", "buyer", 200),
        ("GET /things/1", None, 401),
        ("POST /things", "buyer", 403),
        ("GET /nowhere", None, 404),
        ("TRACE /things", None, 405),
        ("GET /fail", None, 500),
        ("GET /livez", None, 200),
        ("DELETE /things/1", "admin", 204),
    ],
)
async def test_every_response_has_the_security_headers(
    send: Any, request_line: str, role: str | None, status: int
) -> None:
    response = await send(request_line, role=role)

    assert response.status_code == status
    assert ALWAYS.items() <= dict(response.headers).items()
    assert "permissions-policy" in response.headers
    is_public = request_line == "GET /things"
    assert response.headers.get("cache-control") == (None if is_public else "no-store")


async def test_a_patch_distinguishes_an_omitted_member(send: Any) -> None:
    given = await send("PATCH /things/1", {"price": 5}, role="admin", If_Match='"3"')
    omitted = await send("PATCH /things/1", {}, role="admin", If_Match='"3"')

    assert given.json()["thingNm"] == "given"
    assert omitted.json()["thingNm"] == "omitted"


async def test_an_idempotency_key_is_visible_ascii(send: Any) -> None:
    good = await send("PUT /things/1", role="buyer", Idempotency_Key="k" * 255)
    assert good.json()["thingNm"] == "k" * 255
    assert (await send("PUT /things/1", role="buyer")).json()["thingNm"] == ""

    for key in ("", "k" * 256, "two words", "tab\there"):
        response = await send("PUT /things/1", role="buyer", Idempotency_Key=key)
        assert response.status_code == 422
        assert response.json()["errors"][0]["parameter"] == "Idempotency-Key"


async def test_the_client_is_the_address_that_our_own_proxy_saw(send: Any) -> None:
    forged = {"X_Forwarded_For": "6.6.6.6, 10.0.0.7"}

    through_it = await send("GET /address", **forged, X_Gateway_Key="the gateway's key")
    past_it = [await send("GET /address", **forged, **key) for key in ({}, {"X_Gateway_Key": "x"})]

    assert through_it.json() == {"client": "10.0.0.7"}
    assert {answer.json()["client"] for answer in past_it}.isdisjoint({"10.0.0.7", "6.6.6.6"})


async def test_a_service_shortens_the_deadline_with_x_timeout_ms_and_never_extends_it(
    send: Any, ops: Any
) -> None:
    async def left(**headers: str) -> int:
        token = ops.headers("thing", "GET", "/internal/time")  # each is used once
        milliseconds: int = (await send("GET /internal/time", **token, **headers)).json()["left"]
        return milliseconds

    default = await left()
    shorter = await left(X_Timeout_Ms="500")
    longer = await left(X_Timeout_Ms="999999")

    assert 0 < shorter <= 500
    assert 500 < default <= 10_000
    assert longer <= 10_000


@pytest.mark.parametrize(
    ("path", "role"), [("/time", None), ("/time/own", "buyer"), ("/time/own", "admin")]
)
async def test_a_user_does_not_shorten_the_deadline(send: Any, path: str, role: str | None) -> None:
    response = await send(f"GET {path}", role=role, X_Timeout_Ms="500")

    assert response.json()["left"] > 500


async def test_a_request_continues_its_trace(send: Any) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"

    response = await send("GET /time", traceparent=f"00-{trace}-00f067aa0ba902b7-01")

    version, own_trace, span, flags = response.json()["trace"].split("-")
    assert (version, own_trace, flags) == ("00", trace, "01")
    assert span != "00f067aa0ba902b7"


async def test_a_problem_names_the_trace(send: Any) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"

    response = await send("GET /nowhere", traceparent=f"00-{trace}-00f067aa0ba902b7-01")

    assert response.json()["traceId"] == trace


async def test_a_service_that_is_not_ready_is_alive(send: Any, state: Any) -> None:
    assert (await send("GET /readyz")).status_code == 200

    state.ready = False

    assert (await send("GET /livez")).status_code == 200
    assert (await send("GET /readyz")).status_code == 503


async def test_the_status_is_served_to_an_accepted_caller(send: Any, ops: Any) -> None:
    response = await send("GET /internal/status", **ops.headers("thing", "GET", "/internal/status"))

    assert response.json() == {"service": "thing", "unsent": 0}
