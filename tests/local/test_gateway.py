"""The gateway: what it routes, to whom it shows it, and what it says when a service is away."""

import json
import socket
import time

import pytest

from roadbike.local.ports import Ports
from roadbike.local.servers import traefik
from tests.local.shops import StubShop


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/stocks", "stock"),
        ("/stocks/1", "stock"),
        ("/reservations", "reservation"),
        ("/payments/1", "payment"),
        ("/deliveries", "delivery"),
        ("/myPages/1/timeline", "mypage"),
        ("/accounts/tokens", "account"),
        ("/.well-known/jwks.json", "account"),
        ("/problems/sold-out", "account"),
    ],
)
def test_each_path_reaches_its_service(shop: StubShop, path: str, service: str) -> None:
    assert shop.ask(path).headers["X-Service"] == service


@pytest.mark.parametrize(
    "path",
    ["/", "/internal/status", "/livez", "/readyz", "/metrics", "/stocksoup", "/dashboard/", "/api"],
)
def test_what_is_not_for_everybody_is_not_routed(shop: StubShop, path: str) -> None:
    answer = shop.ask(path)

    assert answer.status == 404
    assert "X-Service" not in answer.headers


@pytest.mark.parametrize("path", ["/stocks/../internal/status", "/stocks/%2e%2e/internal/status"])
def test_no_way_round_leads_to_internal_paths(shop: StubShop, path: str) -> None:
    with socket.create_connection(("127.0.0.1", shop.base + 8)) as line:
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = line.makefile().read()

    assert "X-Service" not in answer


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "PUT", "DELETE"])
def test_every_method_gets_through(shop: StubShop, method: str) -> None:
    answer = shop.ask("/stocks/1", method, body=b"{}" if method != "GET" else None)

    assert json.loads(answer.body)["method"] == method


def test_a_page_of_the_list_may_call_from_a_browser_and_no_other(shop: StubShop) -> None:
    allowed = shop.ask("/stocks", Origin="http://localhost:8080")
    storefront = shop.ask("/stocks", Origin=f"http://127.0.0.1:{shop.base + 7}")
    foreign = shop.ask("/stocks", Origin="http://evil.example")

    assert allowed.headers["Access-Control-Allow-Origin"] == "http://localhost:8080"
    assert storefront.headers["Access-Control-Allow-Origin"] == f"http://127.0.0.1:{shop.base + 7}"
    assert "Access-Control-Allow-Origin" not in foreign.headers
    assert "Access-Control-Allow-Credentials" not in allowed.headers


def test_a_browser_is_told_beforehand_what_it_may_send(shop: StubShop) -> None:
    answer = shop.ask(
        "/reservations",
        "OPTIONS",
        Origin="http://localhost:8080",
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="authorization,idempotency-key",
    )

    assert answer.status == 200
    assert "Idempotency-Key" in answer.headers["Access-Control-Allow-Headers"]
    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]


def test_the_list_of_origins_is_a_setting() -> None:
    chosen = {"ROADBIKE_CORS_ORIGINS": "https://a.example, https://b.example"}

    assert traefik.origins(Ports(8080), chosen) == ["https://a.example", "https://b.example"]
    assert traefik.origins(Ports(8080), {"ROADBIKE_CORS_ORIGINS": ""}) == []


def test_only_reads_are_tried_again() -> None:
    routers = traefik.routing({"stock": 1}, 2, [])["http"]["routers"]

    again = {name for name, router in routers.items() if "again" in router["middlewares"]}
    assert again == {"stock-reads"}
    assert routers["stock-reads"]["rule"].endswith("&& (Method(`GET`) || Method(`HEAD`))")


@pytest.mark.parametrize(("language", "word"), [("en", "unavailable"), ("ko", "일시적")])
def test_a_service_that_is_away_is_a_problem_document_with_a_time_to_come_back(
    shop: StubShop, language: str, word: str
) -> None:
    shop.order("stop", "payment")
    answers = [
        shop.ask("/payments/7?x=1", "POST", body=b"{}", Accept_Language=language),
        shop.ask("/payments/7", Accept_Language=language, Origin="http://localhost:8080"),
    ]
    shop.order("start", "payment")

    for answer in answers:
        problem = json.loads(answer.body)
        assert answer.status == problem["status"] == 503
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert int(answer.headers["Retry-After"]) >= 1
        assert problem["type"] == "/problems/unavailable"
        assert problem["instance"] == "/payments/7"
        assert word in problem["title"]
    assert answers[1].headers["Access-Control-Allow-Origin"] == "http://localhost:8080"


def test_a_service_s_own_refusal_gets_through_as_it_is(shop: StubShop) -> None:
    answer = shop.ask("/reservations/busy")

    assert answer.status == 503
    assert json.loads(answer.body)["path"] == "/reservations/busy"


def test_a_request_that_trickles_in_is_cut(shop: StubShop) -> None:
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", shop.base + 8), timeout=30) as line:
        line.sendall(b"POST /stocks HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nX-")
        ended = line.recv(100)  # empty, or a refusal: not a wait for ever

    assert time.monotonic() - began < 20
    assert b"200" not in ended
