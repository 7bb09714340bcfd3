"""Routes as a plain list: `routes() -> [get("/stocks", self.list, who=ANYONE), …]`."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from http import HTTPStatus
from typing import Any, Final, get_type_hints

from litestar.connection import Request
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.response import Response
from litestar.types import Method

from roadbike.kit.web.access import Who, authorize
from roadbike.kit.web.bodies import MAX_BODY_BYTES
from roadbike.kit.web.media import HAL_JSON, PROBLEM_JSON, refuse_other_media
from roadbike.kit.web.paging import paging_of, paging_parameters
from roadbike.kit.web.parameters import Taken, taken_by
from roadbike.kit.web.places import Admit, everybody
from roadbike.kit.web.problems import Problem
from roadbike.kit.web.strict import strict_body

Handler = Callable[..., Awaitable[Any]]
Route = HTTPRouteHandler

CREATED: Final = 201
SECURITY: Final[Sequence[dict[str, list[str]]]] = [{"token": []}]


def get(path: str, fn: Handler, *, who: Who, **rest: Any) -> Route:
    """Serve `fn` at GET (and HEAD). `sort`, `search`: see `route`."""
    return route("GET", path, fn, who=who, **rest)


def post(path: str, fn: Handler, *, who: Who, status: int = CREATED, **rest: Any) -> Route:
    """Serve `fn` at POST; the status is 201 unless another is given."""
    return route("POST", path, fn, who=who, status=status, **rest)


def put(path: str, fn: Handler, *, who: Who, **rest: Any) -> Route:
    """Serve `fn` at PUT."""
    return route("PUT", path, fn, who=who, **rest)


def patch(path: str, fn: Handler, *, who: Who, **rest: Any) -> Route:
    """Serve `fn` at PATCH."""
    return route("PATCH", path, fn, who=who, **rest)


def delete(path: str, fn: Handler, *, who: Who, **rest: Any) -> Route:
    """Serve `fn` at DELETE; the status is 200 unless another is given."""
    return route("DELETE", path, fn, who=who, **rest)


def route(  # noqa: PLR0913 one keyword for each property of a route
    method: Method,
    path: str,
    fn: Handler,
    *,
    who: Who,
    status: int = 200,
    sort: Sequence[str] = (),
    search: bool = False,
    refuses: Sequence[int] = (),
    public_cache: bool = False,
    media_type: str = HAL_JSON,
    in_schema: bool = True,
    hot: bool = False,
    admit: Admit = everybody,
    max_body: int = MAX_BODY_BYTES,
) -> Route:
    """Return one route.

    fn: an async (bound) method. Its parameters are filled by name: path parameters (`bike_id` for
        "/stocks/{bike_id:int}"), `data` (a Body), `caller`, `paging`, `if_match`, `condition`,
        `client`, `request`, and headers by their annotation. It returns a Struct or a
        Reply[Struct].
    who: the audience. status: of a plain Struct, and in the OpenAPI document.
    sort: names of the wire that `paging` may sort by. search: whether `paging` takes `q`.
    refuses: statuses that the OpenAPI document names beside the usual ones.
    hot: it gets many requests, and is served by `kit.web.hot`.
    admit: of a hot route; raises the refusal (503) that every request would get now.
    public_cache: send a success without `Cache-Control: no-store`.
    max_body: bytes of a request's body; a longer one is refused (413).
    """
    hints = get_type_hints(fn)
    body = hints.get("data")
    pages = {"paging": Provide(paging_of(sort, search=search), sync_to_thread=False)}
    listed = paging_parameters(sort, search=search) if "paging" in hints else {}
    taken = taken_by(fn, {name: type_ for name, (type_, _) in listed.items()})
    check = _before(taken, has_body=bool(body))
    dto = strict_body(body) if body else None
    return HTTPRouteHandler(
        path,
        http_method=method,
        status_code=status,
        media_type=media_type,
        before_request=check,
        dto=dto,
        return_dto=None,
        dependencies=pages if "paging" in hints else None,
        responses=_problems({*refuses, *_usual(who, path, has_body=bool(body))}),
        security=[] if who is Who.ANYONE else SECURITY,
        opt={
            "who": who,
            "public_cache": public_cache,
            "body": body,
            "taken": taken,
            "hot": hot,
            "admit": admit,
            "check": check,
            "dto": dto,
        },
        operation_id=_operation_id(fn),
        summary=_summary(fn),
        include_in_schema=in_schema,
        request_max_body_size=max_body,
    )(fn)


def _before(taken: Taken, *, has_body: bool) -> Callable[[Request[Any, Any, Any]], Any]:
    """Return what is checked before the handler's parameters and body are read."""

    async def check(request: Request[Any, Any, Any]) -> None:
        await authorize(request)
        taken.check(request)
        if has_body:
            refuse_other_media(request)

    return check


def options(routes: Iterable[Route]) -> list[Route]:
    """Return the routes that answer OPTIONS with all methods of each path."""
    methods: dict[str, set[str]] = {}
    for other in routes:
        for path in other.paths:
            methods.setdefault(path, {"OPTIONS"}).update(other.http_methods)
    return [
        route("OPTIONS", path, _allowing(allowed), who=Who.ANYONE, status=204, in_schema=False)
        for path, allowed in methods.items()
    ]


def _allowing(methods: set[str]) -> Handler:
    headers = {"Allow": ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))}

    async def allowed() -> Response[None]:
        return Response(None, headers=headers)

    return allowed


def _usual(who: Who, path: str, *, has_body: bool) -> Iterable[int]:
    yield from (400, 422, 500, 503)
    if who is not Who.ANYONE:
        yield 401
    if who not in {Who.ANYONE, Who.INTERNAL}:
        yield 403
    if "{" in path:
        yield 404
    if has_body:
        yield from (413, 415)


def _problems(statuses: Iterable[int]) -> dict[int, ResponseSpec]:
    return {
        status: ResponseSpec(
            data_container=Problem,
            generate_examples=False,
            description=HTTPStatus(status).phrase,
            media_type=PROBLEM_JSON,
        )
        for status in sorted(statuses)
    }


def _operation_id(fn: Handler) -> str:
    """`StockApi.add` is "stock_add"; unique as long as a service names its methods apart."""
    *_, owner, name = ["", *fn.__qualname__.replace("<locals>", "").split(".")]
    return f"{owner.removesuffix('Api').lower()}_{name}".strip("_")


def _summary(fn: Handler) -> str:
    lines = (fn.__doc__ or fn.__name__.replace("_", " ")).strip().splitlines()
    return lines[0].rstrip(".")
