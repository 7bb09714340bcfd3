"""Hot routes: the few that get most of the requests, served without Litestar's routing.

Litestar finds a route, fills the handler's parameters and makes the response; for a small request
that is most of the work. A route with `hot=True` is called directly instead, with the same checks,
reader of the body, response and problem documents. Litestar still knows it, for the OpenAPI
document and for other methods of its path.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, get_args, get_type_hints

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
from roadbike.kit.web.strict import StrictBody

Place = tuple[str, str]  # method and path
Check = Callable[[Request[Any, Any, Any]], Awaitable[None]]

DATA: Final = "data"
CALLER: Final = "caller"


class HotRoute:
    """One route as an ASGI app. Its handler may take `data`, `caller` and headers.

    Raises TypeError for a handler that takes anything else, or whose path has parameters.
    """

    def __init__(self, app: Litestar, handler: HTTPRouteHandler, path: str) -> None:
        self._known: dict[str, Any] = {
            "litestar_app": app,
            "route_handler": handler,
            "path_template": path,
            "path_params": {},
        }
        self._handler = handler
        self._check: Check = handler.opt["check"]
        hints = get_type_hints(handler.fn, include_extras=True)
        self._takes_data, self._takes_caller = DATA in hints, CALLER in hints
        self._headers = dict(_headers(hints))
        if "{" in path or hints.keys() - {*self._headers, DATA, CALLER, "return"}:
            raise TypeError(f"{path} takes what a hot route cannot give")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; an exception of the handler becomes a problem document."""
        known: Any = scope  # Litestar adds these members to it
        known.update(self._known, state={})
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
        given: dict[str, Any] = {
            name: request.headers.get(header) for name, header in self._headers.items()
        }
        if self._takes_data:
            body: type[StrictBody[Any]] = self._handler.opt["dto"]
            given[DATA] = body.reader.read(await request.body())
        if self._takes_caller:
            given[CALLER] = await provide_caller(request)
        return given


def hot_routes(app: Litestar) -> Mapping[Place, HotRoute]:
    """Return the hot routes of the app by method and path."""
    return {
        (method, route.path): HotRoute(app, handler, route.path)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method, (handler, _) in route.route_handler_map.items()
        if handler.opt.get("hot")
    }


def _headers(hints: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for field, hint in hints.items():
        for declared in get_args(hint)[1:]:
            if isinstance(declared, HeaderParameter):
                yield field, (declared.name or field).lower()
