"""The gateway in front of the real services."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.system.shop_client import ShopClient, until

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    "path",
    [
        *("/internal/status", "/internal/payments/1", "/livez", "/readyz", "/metrics"),
        *("/stocks/../internal/status", "/payments/%2e%2e/internal/status", "/dashboard/"),
    ],
)
async def test_internal_paths_are_not_routed(client: ShopClient, path: str) -> None:
    own = client.ops.headers("payment", "GET", path)
    host = client.shop.address("gateway").removeprefix("http://")
    reader, writer = await asyncio.open_connection(*host.split(":"))

    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"
        f"Authorization: {own['Authorization']}\r\n\r\n".encode()
    )
    answer = await reader.read()
    writer.close()

    assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400"))
    assert b"unsent" not in answer


async def test_identity_comes_from_the_token_only(client: ShopClient) -> None:
    bike_id = await client.bike(units=2)
    buyer, victim = client.buyer(), client.buyer()
    claimed = dict.fromkeys(("X_User_Id", "X_User_Name"), victim.name)

    alone = await client.nobody.request("GET", "/reservations", **claimed, X_User_Roles="admin")
    made = await buyer.reserve(bike_id, **claimed)

    assert alone.status == 401
    assert (made.status, made.body["userId"]) == (201, buyer.name)
    added = await buyer.request("POST", "/stocks", {}, X_User_Roles="admin", X_User_Role="admin")
    assert added.status == 403


async def test_only_pages_of_allowed_origins_may_call_from_a_browser(client: ShopClient) -> None:
    own = f"http://127.0.0.1:{client.shop.base + 8}"
    answers = {
        origin: await client.nobody.request("GET", "/stocks", Origin=origin)
        for origin in ("http://localhost:8080", own, "http://evil.example", "null")
    }

    allowed = {
        origin: answer.headers.get("Access-Control-Allow-Origin")
        for origin, answer in answers.items()
    }
    assert allowed == {
        "http://localhost:8080": "http://localhost:8080",
        own: own,
        "http://evil.example": None,
        "null": None,
    }
    assert not any(
        "Access-Control-Allow-Credentials" in answer.headers for answer in answers.values()
    )


async def test_a_service_that_is_down_is_a_problem_document(client: ShopClient) -> None:
    await client.shop.roadbike_ok("stop", "delivery")
    answers = [
        await client.admin.request("GET", "/deliveries", Accept_Language="en"),
        await client.admin.request("PATCH", "/deliveries/1", {}, Accept_Language="ko"),
    ]
    others = await client.nobody.request("GET", "/stocks")
    await client.shop.roadbike_ok("start", "delivery")

    for answer in answers:
        assert answer.status == answer.body["status"] == 503
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert int(answer.headers["Retry-After"]) >= 1
        assert answer.body["type"] == "/problems/unavailable"
    assert answers[0].body["title"] != answers[1].body["title"]
    assert others.status == 200

    async def back() -> int:
        return (await client.admin.request("GET", "/deliveries")).status

    await until(back, lambda status: status == 200, "delivery is routed again")


@asynccontextmanager
async def a_broken_service(port: int) -> AsyncIterator[list[str]]:
    """Listen like a service that is ready but closes every other request without an answer.

    Give the methods of these requests.
    """
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()[0]
        if "/readyz" in first:
            writer.write(ANSWER)
        else:
            asked.append(first.split()[0])
        writer.close()

    # The supervisor keeps the port bound: only its own user can listen on it, and only like this.
    async with await asyncio.start_server(serve, "127.0.0.1", port, reuse_port=True):
        yield asked


async def test_requests_that_may_have_been_carried_out_are_not_retried(client: ShopClient) -> None:
    port = client.shop.shop_file["ports"]["delivery"]
    await client.shop.roadbike_ok("stop", "delivery")
    try:
        async with a_broken_service(port) as asked:

            async def seen() -> list[str]:
                await client.admin.request("GET", "/deliveries")
                return asked

            await until(seen, bool, "the gateway sends to the service that came up")
            asked.clear()
            answers = [
                await client.admin.request(method, "/deliveries/1", {})
                for method in ("POST", "PATCH", "PUT", "DELETE")
            ]
            sent_once = list(asked)
            asked.clear()
            read = await client.admin.request("GET", "/deliveries")
    finally:
        await client.shop.roadbike_ok("start", "delivery")

    assert sent_once == ["POST", "PATCH", "PUT", "DELETE"]
    assert asked == ["GET", "GET"]
    assert {answer.status for answer in (*answers, read)} == {503}
