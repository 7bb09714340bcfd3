"""A hot route answers exactly as Litestar would. (The tests beside this one run on hot routes.)"""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from roadbike.kit.auth import ServiceTokens
from roadbike.kit.pure.refusals import Conflict
from roadbike.kit.web import ANYONE, get, http_app
from roadbike.kit.web.bodies import MAX_BODY_BYTES
from tests.kit.web.conftest import State, ThingApi, make_app

GOOD = json.dumps({"thingNm": "wheel", "price": 5}).encode()
ID = "0199c2f1-5a3e-7c11-8d4e-2b6a9f0c1d2e"
JSON = {"Content-Type": "application/json"}
ADMIN = JSON | {"Authorization": "Bearer admin"}
BUYER = JSON | {"Authorization": "Bearer buyer"}

REQUESTS: list[tuple[str, bytes | None, dict[str, str]]] = [
    ("POST /things", GOOD, ADMIN),
    ("POST /things", GOOD, ADMIN | {"Accept-Language": "ko"}),
    ("POST /things", GOOD, ADMIN | {"Content-Type": "application/json; charset=latin-1"}),
    ("POST /things", GOOD, ADMIN | {"Content-Type": "text/plain"}),
    ("POST /things", GOOD, ADMIN | {"Content-Encoding": "gzip"}),
    ("POST /things", GOOD, JSON),
    ("POST /things", GOOD, JSON | {"Authorization": "Basic admin"}),
    ("POST /things", GOOD, JSON | {"Authorization": "Bearer stranger"}),
    ("POST /things", GOOD, BUYER),
    ("POST /things", b"", ADMIN),
    ("POST /things", None, ADMIN),
    ("POST /things", b"{", ADMIN),
    ("POST /things", b"[]", ADMIN),
    ("POST /things", b'{"price": "5", "colour": 1}', ADMIN),
    ("POST /things", b" " * (MAX_BODY_BYTES + 1), ADMIN),
    ("POST /things?colour=red", GOOD, ADMIN),
    ("POST /things/", GOOD, ADMIN),
    ("POST //things", GOOD, ADMIN),
    ("POST /%74hings", GOOD, ADMIN),
    ("PUT /things", GOOD, ADMIN),
    ("OPTIONS /things", None, {}),
    ("GET /things", None, {}),
    ("HEAD /things", None, {}),
    ("POST /keys", None, BUYER),
    ("POST /keys", None, ADMIN | {"Idempotency-Key": "abc-1"}),
    ("POST /keys", None, BUYER | {"Idempotency-Key": "with a space"}),
    ("POST /keys", None, BUYER | {"Idempotency-Key": "fail"}),
    ("POST /keys", None, {}),
]


@pytest.fixture
async def both(client: AsyncTestClient[Any]) -> AsyncIterator[list[AsyncTestClient[Any]]]:
    """The clients of the app with hot routes, and of the same app without them."""
    plain = State()
    plain.reset()
    async with AsyncTestClient(make_app(plain, hot=False), raise_server_exceptions=False) as other:
        yield [client, other]


@pytest.mark.parametrize(("line", "body", "headers"), REQUESTS)
async def test_the_answer_is_the_same(
    both: list[AsyncTestClient[Any]], line: str, body: bytes | None, headers: dict[str, str]
) -> None:
    method, path = line.split()

    hot, plain = [
        await client.request(method, path, content=body, headers=headers) for client in both
    ]

    assert hot.status_code == plain.status_code
    assert dict(hot.headers) == dict(plain.headers)
    assert content(hot) == content(plain)


def content(response: Any) -> Any:
    if not response.content:
        return b""
    body = response.json()
    body.pop("traceId", None)
    return body


@pytest.mark.parametrize(
    ("path", "signed", "body"),
    [
        (f"/internal/ids/{ID}", f"/internal/ids/{ID}", b"{}"),
        (f"/internal/ids/{ID}", f"/internal/ids/{ID}", b'{"price": 7}'),
        (f"/internal/ids/{ID}", f"/internal/ids/{ID}", b'{"price": "7"}'),
        (f"/internal/ids/{ID}", "/internal/ids/another", b"{}"),
        (f"/internal/ids/{ID}?a=1", f"/internal/ids/{ID}?a=1", b"{}"),
        (f"/internal/ids/{ID.upper()}", f"/internal/ids/{ID.upper()}", b"{}"),
        (f"/internal/ids/{ID}/", f"/internal/ids/{ID}/", b"{}"),
        ("/internal/ids/7", "/internal/ids/7", b"{}"),
        ("/internal/ids/", "/internal/ids/", b"{}"),
    ],
)
async def test_a_path_that_ends_in_an_id_is_answered_the_same(
    both: list[AsyncTestClient[Any]], ops: ServiceTokens, path: str, signed: str, body: bytes
) -> None:
    answers = []
    for client in both:
        token = ops.headers("thing", "PUT", signed, body)
        answers.append(await client.put(path, content=body, headers=JSON | token))
    hot, plain = answers

    assert (hot.status_code, content(hot)) == (plain.status_code, content(plain))
    assert hot.status_code in {200, 401, 404, 422}


async def test_a_refusal_of_the_handler_is_a_problem(both: list[Any], state: State) -> None:
    state.fault[:] = [Conflict(retry_after=3)]

    answer = await both[0].post("/keys", headers=BUYER | {"Idempotency-Key": "fail"})

    assert (answer.status_code, answer.headers["retry-after"]) == (409, "3")


async def test_it_is_in_the_openapi_document(both: list[AsyncTestClient[Any]]) -> None:
    hot, plain = [(await client.get("/openapi.json")).json() for client in both]

    assert hot == plain
    assert "post" in hot["paths"]["/things"]


@pytest.mark.parametrize("name", ["path", "paging"])
def test_a_route_that_takes_more_cannot_be_hot(name: str) -> None:
    api = ThingApi([])
    routes = {
        "path": get("/things/{number:int}", api.one, who=ANYONE, hot=True),
        "paging": get("/things", api.all, who=ANYONE, hot=True),
    }

    with pytest.raises(TypeError, match="hot route"):
        http_app(
            title="thing",
            routes=[routes[name]],
            tokens=None,  # type: ignore[arg-type]  it is not asked
            services=None,  # type: ignore[arg-type]
            translations=None,  # type: ignore[arg-type]
            status=None,  # type: ignore[arg-type]
            ready=lambda: True,
        )
