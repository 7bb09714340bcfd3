"""Hot routes: the few that get most of the requests, served without Litestar's routing.

Litestar finds a route, fills the handler's parameters and makes the response; for a small request
that is most of the work. A route with `hot=True` is called directly instead, with the same checks,
reader of the body, response and problem documents. Litestar still knows it, for the OpenAPI
document and for other methods of its path.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, get_args, get_type_hints
from uuid import UUID

from litestar import Litestar
from litestar.connection import Request
from litestar.handlers import HTTPRouteHandler
from litestar.params import HeaderParameter
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, Receive, Scope, Send

from roadbike.kit.web.access import provide_caller
from roadbike.kit.web.exceptions import problem_response
from roadbike.kit.web.hal import Reply
from roadbike.kit.web.media import HAL_JSON
from roadbike.kit.web.parameters import CANONICAL_UUID
from roadbike.kit.web.places import Admit, everybody
from roadbike.kit.web.strict import StrictBody

Check = Callable[[Request[Any, Any, Any]], Awaitable[None]]

DATA: Final = "data"
CALLER: Final = "caller"
ONE_ID: Final = re.compile(r"([^{]*/)\{([a-z_]+):uuid\}")  # the only parameter, at the end


class HotRoute:
    """One route as an ASGI app. Its handler may take `data`, `caller` and headers.

    Its path is fixed or ends in a UUID, which the handler takes, too.
    Raises TypeError for a handler that takes anything else.
    """

    def __init__(self, app: Litestar, handler: HTTPRouteHandler, route: HTTPRoute) -> None:
        self._known: dict[str, Any] = {
            "litestar_app": app,
            "route_handler": handler,
            "path_template": route.path_format,
        }
        self._handler = handler
        self._check: Check = handler.opt["check"]
        self.admit: Admit = handler.opt["admit"]
        self.working = 0  # requests of this route that are worked on
        self.pattern = route.path_format
        id_ = ONE_ID.fullmatch(route.path)
        self._prefix: str = id_[1] if id_ else route.path
        self._id_name: str | None = id_[2] if id_ else None
        hints = get_type_hints(handler.fn, include_extras=True)
        self._takes_data, self._takes_caller = DATA in hints, CALLER in hints
        self._headers = dict(_headers(hints))
        known = {*self._headers, self._id_name, DATA, CALLER, "return"}
        if "{" in self._prefix or hints.keys() - known:
            raise TypeError(f"{route.path} takes what a hot route cannot give")

    @property
    def place(self) -> tuple[str, bool]:
        """Return the path, or the part of it before the id; and whether there is an id."""
        return self._prefix, self._id_name is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; an exception of the handler becomes a problem document."""
        known: Any = scope  # Litestar adds these members to it
        known.update(self._known, state={}, path_params=self._path_params(scope["path"]))
        request: Request[Any, Any, Any] = Request(scope, receive, send)
        response: Any
        try:
            reply = await self._handler.fn(**await self._given(request))
            response = reply if isinstance(reply, Reply) else Reply(reply)
        except Exception as error:  # noqa: BLE001 as Litestar's exception handlers do
            response = problem_response(request, error)
        answer: ASGIApp = response.to_asgi_response(
            None, request, media_type=HAL_JSON, status_code=self._handler.status_code
        )
        await answer(scope, receive, send)

    async def _given(self, request: Request[Any, Any, Any]) -> dict[str, Any]:
        """Check the request; return the arguments of the handler."""
        await self._check(request)
        given: dict[str, Any] = dict(request.scope["path_params"])
        given |= {name: request.headers.get(header) for name, header in self._headers.items()}
        if self._takes_data:
            body: type[StrictBody[Any]] = self._handler.opt["dto"]
            given[DATA] = body.reader.read(await request.body())
        if self._takes_caller:
            given[CALLER] = await provide_caller(request)
        return given

    def _path_params(self, path: str) -> dict[str, Any]:
        return {} if self._id_name is None else {self._id_name: UUID(path[len(self._prefix) :])}


class HotRoutes:
    """The hot routes of an app."""

    def __init__(self, app: Litestar) -> None:
        self._routes: dict[tuple[str, str, bool], HotRoute] = {
            (method, *hot.place): hot
            for route in app.routes
            if isinstance(route, HTTPRoute)
            for method, (handler, _) in route.route_handler_map.items()
            if handler.opt.get("hot")
            for hot in [HotRoute(app, handler, route)]
        }
        self._fixed = {
            (method.encode(), prefix.encode()): hot
            for (method, prefix, has_id), hot in self._routes.items()
            if not has_id and hot.admit is not everybody
        }

    def at(self, method: bytes, target: bytes) -> HotRoute | None:
        """Return the hot route with this very path that may refuse everybody, if there is one.

        target: as it was sent.
        """
        return self._fixed.get((method, target))

    def find(self, method: str, path: str) -> HotRoute | None:
        """Return the hot route for a request, if there is one."""
        if not self._routes:
            return None
        if found := self._routes.get((method, path, False)):
            return found
        prefix, slash, last = path.rpartition("/")
        found = self._routes.get((method, prefix + slash, True))
        return found if found and CANONICAL_UUID.fullmatch(last) else None


def _headers(hints: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for field, hint in hints.items():
        for declared in get_args(hint)[1:]:
            if isinstance(declared, HeaderParameter):
                yield field, (declared.name or field).lower()
