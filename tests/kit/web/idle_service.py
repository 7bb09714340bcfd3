"""A service of the shop whose handlers do nothing, so that only reading a request costs time."""

import asyncio
from collections.abc import Iterator, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from litestar.handlers import HTTPRouteHandler

from roadbike.kit.auth.services import InternalCall
from roadbike.kit.auth.tokens import Identity
from roadbike.kit.process.service import Service
from roadbike.kit.translations import load_translations
from roadbike.kit.web import Reply, http_app
from roadbike.kit.web.client import Gateway

TRANSLATIONS: Final = load_translations("roadbike.kit", "roadbike.contracts")
GATEWAY_KEY: Final = "the gateway's key"
USUAL: Final = {
    "x-gateway-key": GATEWAY_KEY.encode(),
    "authorization": b"Bearer x",
    "content-type": b"application/json",
    "if-match": b'"1"',
}


FREE: Final = ["x"]  # of a parameter that takes every text
VALID: Final = {
    "integer": ["1"],
    "boolean": ["true", "false"],
    "date": ["2026-11-27"],
    "uuid": [str(UUID(int=1))],
}


class _Everybody:
    """Accepts every access token as an admin's, so that all routes are reached."""

    async def verify(self, _token: str) -> Identity:
        return Identity("boss", frozenset({"buyer", "admin"}))


class _EveryService:
    """Accepts every internal token."""

    def read(self, *_: object) -> InternalCall:
        return InternalCall("reservation", "", "")

    def accept(self, call: InternalCall, _body: bytes) -> str:
        return call.caller


class IdleService:
    """The real app of a service, asked without a server."""

    def __init__(self, service: Service) -> None:
        self.routes = [_idle(route) for route in service.routes]
        self._loop = asyncio.new_event_loop()
        self._app = http_app(
            title=service.name,
            routes=self.routes,
            tokens=_Everybody(),
            services=_EveryService(),  # type: ignore[arg-type]
            translations=TRANSLATIONS,
            status=dict,  # type: ignore[arg-type]
            ready=lambda: True,
            gateway=Gateway(1, GATEWAY_KEY),
        )

    def parameters(self, place: str) -> dict[tuple[str, str], HTTPRouteHandler]:
        """Return a route for each parameter in "query", "path" or "header", by name and schema."""
        return {
            (parameter["name"], str(parameter["schema"])): route
            for parameter, route in self._documented(place)
        }

    def _documented(self, place: str) -> Iterator[tuple[dict[str, Any], HTTPRouteHandler]]:
        """Yield each parameter of the OpenAPI document in that place, with its route."""
        routes = {
            (path, method): route
            for route in self.routes
            for path in route.paths
            for method in route.http_methods
        }
        app: Any = self._app.app
        document: dict[str, Any] = app.openapi_schema.to_schema()
        self._schemas = document.get("components", {}).get("schemas", {})
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                for parameter in operation.get("parameters", ()):
                    if parameter["in"] == place:
                        yield parameter, _route_of(routes, path, method)

    def query_parameters(self) -> dict[HTTPRouteHandler, dict[str, list[str]]]:
        """Return valid values of each query parameter that the OpenAPI document lists, by route.

        Of `sort`, they are all fields by which the description says that the list may be sorted.
        """
        listed: dict[HTTPRouteHandler, dict[str, list[str]]] = {each: {} for each in self.routes}
        for parameter, route in self._documented("query"):
            listed[route][parameter["name"]] = _valid_values(parameter, self._schemas)
        return listed

    def asks_well(self, route: HTTPRouteHandler, query: bytes) -> bool:
        """Return whether the route takes the query; anything but 200 and 422 is an error."""
        status = self.ask(route, query=query)
        if route.opt["body"]:  # then an empty body is refused, but after the query
            assert status in {400, 422}
            return status == HTTPStatus.BAD_REQUEST
        assert status in {200, 204, 422}
        return status != HTTPStatus.UNPROCESSABLE_ENTITY

    def ask(
        self,
        route: HTTPRouteHandler,
        *,
        parameter: str = "",
        query: bytes = b"",
        headers: Mapping[str, bytes] | None = None,
        body: bytes = b"",
    ) -> int:
        """Return the status of the response. parameter: instead of valid path parameters."""
        sent = {**USUAL, "content-length": str(len(body)).encode(), **(headers or {})}
        path = _filled(next(iter(route.paths)), parameter)
        scope = {
            "type": "http",
            "method": next(iter(route.http_methods)),
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query,
            "scheme": "http",
            "http_version": "1.1",
            "headers": [(name.lower().encode(), value) for name, value in sent.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "asgi": {"version": "3.0"},
        }
        return self._loop.run_until_complete(self._answer(scope, body))

    def close(self) -> None:
        self._loop.close()

    async def _answer(self, scope: Any, body: bytes) -> int:
        messages: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            messages.append(message)

        await self._app(scope, receive, send)
        status: int = messages[0]["status"]
        return status


def _valid_values(parameter: Mapping[str, Any], schemas: Mapping[str, Any]) -> list[str]:
    schema = parameter["schema"]
    types = [one for one in schema.get("oneOf", [schema]) if one.get("type") != "null"]
    (type_,) = types
    if parameter["name"] == "sort":
        fields = parameter["description"].removeprefix("One of ").partition(";")[0]
        return list(fields.split(", "))
    if "$ref" in type_:  # an enum with a schema of its own
        type_ = schemas[type_["$ref"].rpartition("/")[2]]
    if "enum" in type_:
        return list(type_["enum"])
    return VALID.get(type_.get("format", type_["type"]), FREE)


def _idle(route: HTTPRouteHandler) -> HTTPRouteHandler:
    @wraps(route.fn)
    async def idle(*_: Any, **__: Any) -> Reply[bytes]:
        return Reply(b"")

    return route(idle)


def _route_of(
    routes: Mapping[tuple[str, Any], HTTPRouteHandler], path: str, method: str
) -> HTTPRouteHandler:
    """Return the route of an operation of the OpenAPI document, which names no types in paths."""
    return next(
        route
        for (template, verb), route in routes.items()
        if _filled(template, "x") == _filled(path, "x") and verb == method.upper()
    )


def _filled(path: str, text: str) -> str:
    """Return the path with its parameters replaced, by valid ones if the text is empty."""
    start, opened, rest = path.partition("{")
    if not opened:
        return start
    parameter, _, rest = rest.partition("}")
    valid = str(UUID(int=1)) if parameter.endswith(":uuid") else "1"
    return start + (text or valid) + _filled(rest, text)
