"""What the gateway answers itself: unknown paths, malformed bodies."""

import json
import socket

import pytest

from roadbike.kit.web.edge import COMMON_HEADERS
from tests.local.stub_shop import Answer, StubShop


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("path", ["/", "/STOCKS", "/stock", "/api/stocks?a=1", "/openapi.json"])
def test_a_path_that_no_service_serves_is_a_problem_document(
    shop: StubShop, path: str, method: str
) -> None:
    body = None if method == "GET" else b"{}"

    answer = shop.ask(path, method, body=body, Accept_Language="en")

    problem = json.loads(answer.body)
    assert answer.status == problem["status"] == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["type"] == "/problems/not-found"
    assert problem["instance"] == path.partition("?")[0]
    assert_safe(answer)


@pytest.mark.parametrize(("language", "title"), [("ko", "찾을 수 없습니다"), ("en", "Not found")])
def test_a_browser_is_answered_with_a_page(shop: StubShop, language: str, title: str) -> None:
    answer = shop.ask("/api/%3Cb%3E", Accept="text/html,*/*;q=0.8", Accept_Language=language)

    assert answer.status == 404
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert f'<html lang="{language}">' in answer.body
    assert title in answer.body
    assert "<b>" not in answer.body
    assert_safe(answer)


MALFORMED = [b"2\n{}\r\n0\r\n\r\n", b"zz\r\n{}\r\n0\r\n\r\n", b"-2\r\n{}\r\n0\r\n\r\n"]


@pytest.mark.parametrize("chunk", MALFORMED)
@pytest.mark.parametrize("path", ["/stocks", "/unknown"])
@pytest.mark.parametrize("host", ["localhost", "evil.example"])
def test_a_body_that_is_malformed_is_400_and_ends_the_connection(
    shop: StubShop, path: str, host: str, chunk: bytes
) -> None:
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", shop.base + 8), timeout=15) as connection:
        connection.sendall(head + chunk)
        answer = connection.makefile("rb").read().decode()  # until it is closed

    lines, _, body = answer.partition("\r\n\r\n")
    assert lines.startswith("HTTP/1.1 400 ")
    assert '"/problems/bad-request"' in body
    for name, value in COMMON_HEADERS:
        assert f"{name.decode()}: {value.decode()}".lower() in lines.lower()


@pytest.mark.parametrize("path", ["/stocks", "/stocks/fails"])
def test_a_body_without_a_length_reaches_the_service(shop: StubShop, path: str) -> None:
    with socket.create_connection(("127.0.0.1", shop.base + 8), timeout=15) as connection:
        connection.sendall(
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n".encode()
            + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
        )
        answer = connection.makefile("rb").read()

    if path == "/stocks":
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"X-Service: stock" in answer
    else:
        assert answer.startswith(b"HTTP/1.1 500 ")
        assert b'"/problems/service-failed"' in answer


def assert_safe(answer: Answer) -> None:
    for name, value in COMMON_HEADERS:
        assert answer.headers[name.decode()] == value.decode()
