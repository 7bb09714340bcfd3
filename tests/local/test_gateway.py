"""The gateway: which paths it routes, CORS, and its answer when a service is down."""

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from roadbike.contracts.headers import REQUEST_HEADERS
from roadbike.kit.process.settings import ONE_MACHINE
from roadbike.kit.web.edge import COMMON_HEADERS
from roadbike.local import home as homes
from roadbike.local.ports import Ports
from roadbike.local.servers import traefik
from roadbike.local.services import SERVICES, environment, gateway_key
from tests.local.stub_shop import StubShop


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
    ["/internal/status", "/livez", "/readyz", "/metrics", "/stocksoup", "/dashboard/", "/api"],
)
def test_internal_paths_are_not_routed(shop: StubShop, path: str) -> None:
    answer = shop.ask(path)

    assert answer.status == 404
    assert "X-Service" not in answer.headers
    assert json.loads(answer.body)["instance"] == path


@pytest.mark.parametrize("path", ["/stocks/../internal/status", "/stocks/%2e%2e/internal/status"])
def test_dots_in_a_path_do_not_lead_to_internal_paths(shop: StubShop, path: str) -> None:
    with socket.create_connection(("127.0.0.1", shop.base + 8)) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        answer = connection.makefile().read()

    assert "X-Service" not in answer


HIDDEN = b"GET /internal/status HTTP/1.1\r\nHost: x\r\n\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(HIDDEN)
CHUNKED = b"Transfer-Encoding: chunked\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        LENGTH + CHUNKED,
        CHUNKED + LENGTH,
        b"Content-Length: 0\r\n" + LENGTH,
        LENGTH + b"Content-Length: 0\r\n",
        LENGTH + b"Transfer-Encoding: xchunked\r\n",
        LENGTH + b"Transfer-Encoding: identity, chunked\r\n",
        LENGTH + b"Transfer-Encoding : chunked\r\n",
        LENGTH + b"X: y\nTransfer-Encoding: chunked\r\n",
        LENGTH + b"Connection: Upgrade\r\nUpgrade: any\r\n",
        LENGTH + b"Connection: close, Content-Length\r\n",
    ],
)
def test_no_request_is_smuggled_in_the_body_of_another(shop: StubShop, headers: bytes) -> None:
    """A service would answer the hidden one; the gateway does not route its path."""
    head = b"POST /stocks HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n"
    with socket.create_connection(("127.0.0.1", shop.base + 8), timeout=15) as connection:
        connection.sendall(head + b"0\r\n\r\n" * (CHUNKED in headers) + HIDDEN)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").read()

    assert b"unsent" not in answer
    assert answer.count(b"X-Service: ") <= 1
    for _ in range(3):  # nor is its answer given to a request that comes after
        assert json.loads(shop.ask("/stocks/1").body)["path"] == "/stocks/1"


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "PUT", "DELETE"])
def test_every_method_is_forwarded(shop: StubShop, method: str) -> None:
    answer = shop.ask("/stocks/1", method, body=b"{}" if method != "GET" else None)

    assert json.loads(answer.body)["method"] == method


def test_headers_that_only_services_send_are_not_forwarded(shop: StubShop) -> None:
    answer = shop.ask(
        "/stocks/1",
        "POST",
        body=b"{}",
        X_Timeout_Ms="150",
        Connection="Upgrade",
        Upgrade="any",
        Idempotency_Key="a",
    )

    names = {name for name, _ in json.loads(answer.body)["headers"]}
    assert answer.status == 200
    assert names & {"x-timeout-ms", "upgrade", "idempotency-key"} == {"idempotency-key"}


def test_only_pages_of_allowed_origins_may_call_from_a_browser(shop: StubShop) -> None:
    allowed = shop.ask("/stocks", Origin="http://localhost:8080")
    own = shop.ask("/stocks", Origin=f"http://127.0.0.1:{shop.base + 8}")
    foreign = shop.ask("/stocks", Origin="http://evil.example")

    assert allowed.headers["Access-Control-Allow-Origin"] == "http://localhost:8080"
    assert own.headers["Access-Control-Allow-Origin"] == f"http://127.0.0.1:{shop.base + 8}"
    assert "Access-Control-Allow-Origin" not in foreign.headers
    assert "Access-Control-Allow-Credentials" not in allowed.headers


def test_a_preflight_answer_names_the_allowed_headers_and_methods(shop: StubShop) -> None:
    answer = shop.ask(
        "/reservations",
        "OPTIONS",
        Origin="http://localhost:8080",
        Access_Control_Request_Method="POST",
        Access_Control_Request_Headers="authorization,idempotency-key",
    )

    assert answer.status == 200
    allowed = answer.headers["Access-Control-Allow-Headers"].replace(" ", "").split(",")
    assert sorted(allowed) == sorted(REQUEST_HEADERS)
    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_gateway_proves_itself_and_says_who_asks_whatever_the_client_sends(
    shop: StubShop, method: str
) -> None:
    forged = {"X_Gateway_Key": "a guess", "X_Forwarded_For": "6.6.6.6"}

    answer = shop.ask("/stocks", method, body=b"{}" if method == "POST" else None, **forged)

    seen = [(name, value) for name, value in json.loads(answer.body)["headers"]]
    assert [value for name, value in seen if name == "x-gateway-key"] == [gateway_key(shop.home)]
    assert [value for name, value in seen if name == "x-forwarded-for"] == ["127.0.0.1"]


def test_services_believe_the_gateway_alone(tmp_path: Path) -> None:
    home = homes.at(tmp_path)
    for spec in SERVICES:
        given = environment(home, Ports(), {"ROADBIKE_GATEWAY_KEY": "another"}, spec)
        assert given["ROADBIKE_TRUSTED_HOPS"] == "1"
        assert given["ROADBIKE_GATEWAY_KEY"] == gateway_key(home)
        assert ONE_MACHINE in gateway_key(home)  # so that production refuses it


def test_only_reads_are_retried() -> None:
    routers = traefik.routing(
        {"stock": ["http://stock"]}, "http://fallback", [], ["localhost"], "key"
    )["http"]["routers"]

    retried = {name for name, router in routers.items() if "retry" in router["middlewares"]}
    assert retried == {"stock-reads"}
    assert routers["stock-reads"]["rule"].endswith("&& (Method(`GET`) || Method(`HEAD`))")


@pytest.mark.parametrize(("language", "word"), [("en", "unavailable"), ("ko", "일시적")])
def test_a_service_that_is_down_is_a_problem_document_with_retry_after(
    shop: StubShop, language: str, word: str
) -> None:
    shop.command("stop", "payment")
    answers = [
        shop.ask("/payments/7?x=1", "POST", body=b"{}", Accept_Language=language),
        shop.ask("/payments/7", Accept_Language=language, Origin="http://localhost:8080"),
    ]
    shop.command("start", "payment")

    for answer in answers:
        problem = json.loads(answer.body)
        assert answer.status == problem["status"] == 503
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert int(answer.headers["Retry-After"]) >= 1
        assert problem["type"] == "/problems/unavailable"
        for name, value in COMMON_HEADERS:
            assert answer.headers[name.decode()] == value.decode()
        assert problem["instance"] == "/payments/7"
        assert word in problem["title"]
    assert answers[1].headers["Access-Control-Allow-Origin"] == "http://localhost:8080"


def test_a_service_s_own_503_is_forwarded_unchanged(shop: StubShop) -> None:
    answer = shop.ask("/reservations/busy")

    assert answer.status == 503
    assert json.loads(answer.body)["path"] == "/reservations/busy"


def test_a_request_that_arrives_too_slowly_is_ended(shop: StubShop) -> None:
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", shop.base + 8), timeout=30) as connection:
        connection.sendall(b"POST /stocks HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nX-")
        ended = connection.recv(100)  # empty, or a refusal

    assert time.monotonic() - began < 20
    assert b"200" not in ended


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "[::1]:{port}", "[::1]"])
def test_the_shop_s_own_host_names_are_served(shop: StubShop, host: str) -> None:
    answer = shop.ask("/stocks", Host=host.format(port=shop.base + 8))

    assert answer.headers["X-Service"] == "stock"


@pytest.mark.parametrize(
    "host",
    ["evil.example:{port}", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", ""],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/stocks"), ("POST", "/accounts/tokens")])
def test_a_page_whose_host_name_was_made_to_lead_here_is_not_served(
    shop: StubShop, host: str, method: str, path: str
) -> None:
    answer = shop.ask(path, method, Host=host.format(port=shop.base + 8), Accept_Language="en")

    problem = json.loads(answer.body)
    assert "X-Service" not in answer.headers
    assert answer.status == problem["status"] == 421
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["type"] == "/problems/other-host"
    assert problem["instance"] == path
    assert "host name" in problem["detail"]


def test_an_added_host_name_is_served(open_shop: Callable[..., StubShop]) -> None:
    shop = open_shop(environ={"ROADBIKE_HOSTS": "bikes.example"})

    assert shop.ask("/stocks", Host="bikes.example:443").headers["X-Service"] == "stock"
    assert shop.ask("/stocks", Host="evil.example").status == 421
