"""What an answer looks like: HAL pages, the headers on all of them, conditions, health."""

from typing import Any

import pytest

ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


async def test_a_page_knows_its_neighbours(send: Any) -> None:
    answer = await send("GET /things?page=1&size=20&sort=price,desc&q=한")

    page = answer.json()
    query = "size=20&sort=price,desc&q=%ED%95%9C"
    assert answer.headers["content-type"] == "application/hal+json"
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


async def test_the_usual_page_is_the_first_twenty(send: Any) -> None:
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
        "q=%00",
        "q=" + "x" * 201,
    ],
)
async def test_a_page_that_cannot_be_is_refused_and_named(send: Any, query: str) -> None:
    answer = await send(f"GET /things?{query}")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == query.partition("=")[0]


async def test_an_order_that_cannot_be_is_refused_with_those_that_can(send: Any) -> None:
    answer = await send("GET /things?sort=thingNm", **{"Accept-Language": "en"})

    (error,) = answer.json()["errors"]
    assert error["detail"] == "Must be one of: price,asc, price,desc"


async def test_bytes_are_sent_as_they_are(send: Any) -> None:
    answer = await send("GET /replay")

    assert answer.status_code == 201
    assert answer.content == b'{"exactly" :  "these bytes"}'
    assert answer.headers["content-type"] == "application/hal+json"


async def test_nothing_is_sent_with_204(send: Any) -> None:
    answer = await send("DELETE /things/1", role="admin")

    assert answer.status_code == 204
    assert answer.content == b""


async def test_a_head_is_a_get_without_its_body(send: Any) -> None:
    full, head = await send("GET /replay"), await send("HEAD /replay")

    assert head.status_code == full.status_code
    assert head.content == b""
    assert head.headers["content-length"] == full.headers["content-length"]


@pytest.mark.parametrize(
    ("what", "role", "status"),
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
async def test_every_answer_carries_the_safe_headers(
    send: Any, what: str, role: str | None, status: int
) -> None:
    answer = await send(what, role=role)

    assert answer.status_code == status
    assert ALWAYS.items() <= dict(answer.headers).items()
    assert "permissions-policy" in answer.headers
    is_public = what == "GET /things"
    assert answer.headers.get("cache-control") == (None if is_public else "no-store")


async def test_an_edit_wants_the_version_that_was_read(send: Any) -> None:
    body = {"price": 5}

    assert (await send("PATCH /things/1", body, role="admin")).status_code == 428
    for tag in ("3", 'W/"3"', '"x"', "*", '"3", "4"', '"03"', '"-1"', ""):
        answer = await send("PATCH /things/1", body, role="admin", If_Match=tag)
        assert answer.status_code == 412
    answer = await send("PATCH /things/1", body, role="admin", If_Match='"3"')
    assert answer.json()["price"] == 4


async def test_a_patch_knows_what_was_not_sent(send: Any) -> None:
    told = await send("PATCH /things/1", {"price": 5}, role="admin", If_Match='"3"')
    not_told = await send("PATCH /things/1", {}, role="admin", If_Match='"3"')

    assert told.json()["thingNm"] == "told"
    assert not_told.json()["thingNm"] == "not told"


async def test_an_idempotency_key_is_visible_ascii(send: Any) -> None:
    good = await send("PUT /things/1", role="buyer", Idempotency_Key="k" * 255)
    assert good.json()["thingNm"] == "k" * 255
    assert (await send("PUT /things/1", role="buyer")).json()["thingNm"] == ""

    for key in ("", "k" * 256, "two words", "tab\there"):
        answer = await send("PUT /things/1", role="buyer", Idempotency_Key=key)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["parameter"] == "Idempotency-Key"


async def test_the_client_is_whom_our_own_proxy_saw(send: Any) -> None:
    answer = await send("GET /address", X_Forwarded_For="6.6.6.6, 10.0.0.7")

    assert answer.json() == {"client": "10.0.0.7"}


async def test_a_request_knows_how_much_time_it_has(send: Any) -> None:
    usual = (await send("GET /time")).json()["left"]
    short = (await send("GET /time", X_Timeout_Ms="500")).json()["left"]
    greedy = (await send("GET /time", X_Timeout_Ms="999999")).json()["left"]

    assert 0 < short <= 500
    assert 500 < usual <= 10_000
    assert greedy <= 10_000


async def test_a_request_goes_on_with_the_trace_it_came_with(send: Any) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"

    answer = await send("GET /time", traceparent=f"00-{trace}-00f067aa0ba902b7-01")

    version, own_trace, span, flags = answer.json()["trace"].split("-")
    assert (version, own_trace, flags) == ("00", trace, "01")
    assert span != "00f067aa0ba902b7"


async def test_a_problem_names_the_trace(send: Any) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"

    answer = await send("GET /nowhere", traceparent=f"00-{trace}-00f067aa0ba902b7-01")

    assert answer.json()["traceId"] == trace


async def test_a_service_that_drains_is_alive_and_not_ready(send: Any, state: Any) -> None:
    assert (await send("GET /readyz")).status_code == 200

    state.ready = False

    assert (await send("GET /livez")).status_code == 200
    assert (await send("GET /readyz")).status_code == 503


async def test_its_figures_are_for_those_who_run_it(send: Any, ops: Any) -> None:
    answer = await send("GET /internal/status", **ops.headers("thing"))

    assert answer.json() == {"service": "thing", "unsent": 0}
