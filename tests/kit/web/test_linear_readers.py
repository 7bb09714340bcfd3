"""No request costs more than its share: twice the bytes cost about twice the CPU time.

The routes of all services are enumerated. Each type of body, each query parameter, path parameter
and header is sent to the real app with hostile texts of full and of half size, so a new one is
tried without being named here; only a header that no route declares has to be named.
"""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import msgspec
import pytest

import roadbike
from roadbike.account import domain
from roadbike.account.api import SignUp
from roadbike.account.passwords import common_words
from roadbike.contracts.headers import OWN_HEADERS, REQUEST_HEADERS
from roadbike.contracts.types import DESCRIPTION_LENGTH, NAME_LENGTH
from roadbike.kit import idempotency
from roadbike.kit.auth import ServiceTokens, new_signing_key
from roadbike.kit.auth.keys import MAX_TOKEN_LENGTH, kid_of
from roadbike.kit.pure import texts
from roadbike.kit.resilience.deadline import shorten_deadline
from roadbike.kit.trace import continue_trace
from roadbike.kit.translations import language_of
from roadbike.kit.web import checked_key
from roadbike.kit.web.bodies import MAX_BODY_BYTES
from roadbike.kit.web.client import client_of
from roadbike.kit.web.conditions import tags_of
from roadbike.kit.web.edge import MAX_HEAD_BYTES
from roadbike.kit.web.msgspec_errors import fault_of
from roadbike.kit.web.paging import MAX_QUERY_LENGTH
from roadbike.local.servers import fallback
from tests.kit.web import hostile
from tests.kit.web.hostile import bodies, bodies_with
from tests.kit.web.idle_service import TRANSLATIONS, IdleService
from tests.kit.web.linear import Cases, Read, check_linear
from tools.docs.services import NAMES, build

SOURCES: Final = Path(roadbike.__file__).parent
HEADER_ROOM: Final = MAX_HEAD_BYTES - 1_024  # for the request line and the other headers
READ_HEADERS: Final = {name.lower() for name in (*REQUEST_HEADERS, *OWN_HEADERS)}
OTHER_HEADERS: Final = {"accept", "cookie", "host", "range"}  # Litestar's
KEY: Final = new_signing_key("stock/1")
TOKENS: Final = ServiceTokens("stock", KEY, '{"keys": []}')


@pytest.fixture(scope="module")
def services() -> Iterator[Mapping[str, IdleService]]:
    found = {name: IdleService(build(name, {})) for name in NAMES}
    yield found
    for service in found.values():
        service.close()


def test_bodies(services: Mapping[str, IdleService]) -> None:
    routes = {
        route.opt["body"]: (service, route)
        for service in services.values()
        for route in service.routes
        if route.opt["body"]
    }
    tried: set[str] = set()
    for type_, (service, route) in routes.items():
        fields = {str(f.type): f.encode_name for f in msgspec.structs.fields(type_)}
        names = [name for kind, name in fields.items() if kind not in tried]
        tried |= fields.keys()
        check_linear(type_.__name__, body_cases(service, route, names), MAX_BODY_BYTES)


def body_cases(service: IdleService, route: Any, names: list[str]) -> Cases:
    def cases(size: int) -> Iterator[tuple[str, Read]]:
        found = chain(bodies(size), *(bodies_with(name, size) for name in names))
        return ((case, partial(read_body, service, route, body)) for case, body in found)

    return cases


def read_body(service: IdleService, route: Any, body: bytes) -> None:
    assert service.ask(route, body=body) in {400, 422}  # it was read, not refused before


def parameters(
    services: Mapping[str, IdleService], place: str
) -> Iterator[tuple[str, IdleService, Any]]:
    """Yield each parameter in that place once, with a service and the route that takes it."""
    found = {
        parameter: (service, route)
        for service in services.values()
        for parameter, route in service.parameters(place).items()
    }
    assert found
    return ((name, *reads) for (name, _), reads in found.items())


def test_query_parameters(services: Mapping[str, IdleService]) -> None:
    for name, service, route in parameters(services, "query"):

        def cases(
            size: int, name: str = name, ask: Any = service.ask, route: Any = route
        ) -> Iterator[tuple[str, Read]]:
            for case, text in hostile.texts(size, wide=True):
                value = f"{name}={quote(text, safe='')}"[:size].encode()
                yield case, partial(ask, route, query=value)

        check_linear(f"query parameter {name}", cases, HEADER_ROOM)


def test_queries(services: Mapping[str, IdleService]) -> None:
    stock = services["stock"]
    route = next(route for route in stock.routes if "GET" in route.http_methods)

    def cases(size: int) -> Iterator[tuple[str, Read]]:
        for case, text in hostile.texts(size, wide=False):
            yield case, partial(stock.ask, route, query=text.encode())

    check_linear("query", cases, HEADER_ROOM)


def test_path_parameters(services: Mapping[str, IdleService]) -> None:
    for name, service, route in parameters(services, "path"):

        def cases(
            size: int, ask: Any = service.ask, route: Any = route
        ) -> Iterator[tuple[str, Read]]:
            for case, text in hostile.texts(size, wide=True):
                yield case, partial(ask, route, parameter=text)

        check_linear(f"path parameter {name}", cases, HEADER_ROOM)


def test_headers_of_routes(services: Mapping[str, IdleService]) -> None:
    for name, service, route in parameters(services, "header"):
        check_linear(name, header_cases(service, name, route), HEADER_ROOM)


@pytest.mark.parametrize("name", sorted(READ_HEADERS | OTHER_HEADERS))
def test_headers_of_all_requests(services: Mapping[str, IdleService], name: str) -> None:
    stock = services["stock"]
    route = next(route for route in stock.routes if route.opt["body"])

    check_linear(name, header_cases(stock, name, route), HEADER_ROOM)


def header_cases(service: IdleService, name: str, route: Any) -> Cases:
    def cases(size: int) -> Iterator[tuple[str, Read]]:
        for case, text in hostile.texts(size, wide=False):
            headers = {name: text.encode()}
            yield case, partial(service.ask, route, headers=headers, body=b'{"a": "\\\\"}')

    return cases


def test_every_header_that_is_read_is_in_the_list(services: Mapping[str, IdleService]) -> None:
    """Those of routes' parameters, and literals given to `get`, `getall`, `in` or `_header`."""
    read = {name.lower() for name, _, _ in parameters(services, "header")}
    read |= {"if-match", "if-none-match"}  # of all requests: kit/web/conditions.py
    for path in [*SOURCES.glob("kit/web/*.py"), *SOURCES.glob("*/api.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
                function = ast.unparse(node.func)
                if re.search(r"headers\.\w+$|^_header$", function):
                    read |= {str(arg.value) for arg in node.args if isinstance(arg, ast.Constant)}
    found = {name.removeprefix("b'").removesuffix("'") for name in read} - {"", "identity"}

    assert found - OTHER_HEADERS == READ_HEADERS


class Reader(NamedTuple):
    """A function that reads a client's text of at most `size` characters."""

    read: Callable[[str], object]
    size: int


def usable(read: Callable[[str], str]) -> Callable[[str], object]:
    def read_any(text: str) -> None:
        with suppress(texts.UnusableText):
            read(text)

    return read_any


READERS: Final = {
    "token's kid": Reader(kid_of, MAX_TOKEN_LENGTH),
    "internal token": Reader(
        lambda text: TOKENS.read(text, "GET", "/internal/time"), MAX_TOKEN_LENGTH
    ),
    "internal token of three parts": Reader(
        lambda text: TOKENS.read(f"eyJ.{text}.x", "GET", "/internal/time"), MAX_TOKEN_LENGTH
    ),
    "language": Reader(language_of, HEADER_ROOM),
    "trace": Reader(continue_trace, HEADER_ROOM),
    "client": Reader(lambda text: client_of("10.0.0.1", text, 1), HEADER_ROOM),
    "If-Match": Reader(lambda text: tags_of("If-Match", [text]), HEADER_ROOM),
    "Idempotency-Key": Reader(checked_key, HEADER_ROOM),
    "X-Timeout-Ms": Reader(shorten_deadline, HEADER_ROOM),
    "line": Reader(usable(texts.line), texts.LONGEST_COMPOSITION * NAME_LENGTH),
    "paragraphs": Reader(usable(texts.paragraphs), texts.LONGEST_COMPOSITION * DESCRIPTION_LENGTH),
    "search form": Reader(texts.search_form, MAX_QUERY_LENGTH),
    "sort key": Reader(texts.sort_key, NAME_LENGTH),
    "message of msgspec": Reader(fault_of, MAX_BODY_BYTES),
    "user id": Reader(domain.new_user_id, MAX_BODY_BYTES),
    "user id in a path": Reader(domain.case_folded, HEADER_ROOM),
    "password": Reader(
        lambda text: domain.new_password(text, "somebody", common_words()),
        domain.MAX_PASSWORD_LENGTH,
    ),
    "fingerprint": Reader(
        lambda text: idempotency.fingerprint(SignUp(user_id=text, password=text, user_name=text)),
        MAX_BODY_BYTES,
    ),
    "head at the gateway's fallback": Reader(
        lambda text: fallback.response(f"GET /?of={text} HTTP/1.1\r\n{text}: x", TRANSLATIONS),
        MAX_BODY_BYTES,
    ),
}


@pytest.mark.parametrize("name", READERS)
def test_readers_of_texts(name: str) -> None:
    reader = READERS[name]

    def cases(size: int) -> Iterator[tuple[str, Read]]:
        for case, text in hostile.texts(size, wide=True):
            yield case, partial(reader.read, text)

    check_linear(name, cases, reader.size)
