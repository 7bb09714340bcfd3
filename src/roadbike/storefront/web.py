"""Pages and forms as routes: who asks, whether a form came from our own page, errors as pages."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from litestar import Litestar
from litestar.connection import Request as HttpRequest
from litestar.handlers import HTTPRouteHandler
from litestar.types import Receive, Scope, Send

from roadbike.kit.pure.refusals import Forbidden, NotFound, Refusal
from roadbike.kit.trace import current_trace_id
from roadbike.kit.translations import Translations
from roadbike.kit.web import ANYONE, Reply, Route, Who
from roadbike.kit.web.access import may_use
from roadbike.kit.web.bodies import MAX_BODY_BYTES
from roadbike.kit.web.hal import EncodedResponse
from roadbike.kit.web.parameters import Taken, check_path
from roadbike.storefront.forms import (
    Fields,
    Upload,
    fields_of,
    require_own_form,
    upload_of,
)
from roadbike.storefront.peers import Answer, Refused
from roadbike.storefront.rendering import render
from roadbike.storefront.visitors import Visitor, Visitors, in_ascii

HTML: Final = "text/html; charset=utf-8"
MAX_PATH_LENGTH: Final = 2000  # characters
POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SEE_OTHER: Final = 303
NOTHING_TAKEN: Final = Taken({}, ())

Request = HttpRequest[Any, Any, Any]
Show = Callable[[Visitor, Request], Awaitable[Reply[Any]]]
Take = Callable[[Visitor, Request, Fields], Awaitable["HtmlReply"]]
TakeFile = Callable[[Visitor, Request, Upload], Awaitable["HtmlReply"]]


class HtmlReply(Reply[bytes]):
    """A page, or a redirect, with any number of cookies."""

    def __init__(
        self,
        body: bytes,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        cookies: Sequence[str] = (),
    ) -> None:
        own = {"Content-Security-Policy": POLICY, "Vary": "Accept-Language, Cookie"}
        super().__init__(body, status=status, headers=own | dict(headers or {}), media_type=HTML)
        self.set_cookies = cookies

    def to_asgi_response(
        self, app: Litestar | None, request: HttpRequest[Any, Any, Any], **more: Any
    ) -> Any:
        """Return the response with a header for each cookie."""
        encoded = super().to_asgi_response(app, request, **more)
        return _WithCookies(encoded, self.set_cookies)


class _WithCookies:
    def __init__(self, response: EncodedResponse, cookies: Sequence[str]) -> None:
        self._response = response
        self._cookies = [(b"set-cookie", cookie.encode("latin-1")) for cookie in cookies]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_cookies(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self._cookies]
            await send(message)

        await self._response(scope, receive, send_with_cookies)


class LogInNeeded(Exception):
    """The page is for buyers who are logged in."""


class Pages:
    """Makes routes of functions that show pages or take forms.

    who: whom a page is for. Those who are not logged in are sent to log in; for buyers a page of
    staff does not exist (404), and for staff without the role it is forbidden (403).
    """

    def __init__(self, visitors: Visitors, translations: Translations) -> None:
        self._visitors = visitors
        self._translations = translations

    def page(self, path: str, show: Show, *, who: Who = ANYONE) -> Route:
        """Serve a page at GET."""

        async def handle(request: Request) -> Reply[Any]:
            visitor = await self._visitors.of(request)

            async def shown() -> Reply[Any]:
                require_role(visitor, who)
                return await show(visitor, request)

            return await self._answered(visitor, shown)

        return self._route("GET", path, handle, show, who)

    def form(
        self, path: str, take: Take, *, who: Who = ANYONE, max_body: int = MAX_BODY_BYTES
    ) -> Route:
        """Take a form at POST. It has to come from a page of ours, with the session's token."""

        async def handle(request: Request) -> Reply[Any]:
            visitor = await self._visitors.of(request)

            async def taken() -> Reply[Any]:
                fields = await fields_of(request)
                require_own_form(request, visitor, fields)
                require_role(visitor, who)
                return await take(visitor, request, fields)

            return await self._answered(visitor, taken)

        return self._route("POST", path, handle, take, who, max_body)

    def upload(self, path: str, take: TakeFile, *, who: Who, max_body: int) -> Route:
        """Take a form with a file at POST; otherwise as `form` does."""

        async def handle(request: Request) -> Reply[Any]:
            visitor = await self._visitors.of(request)

            async def taken() -> Reply[Any]:
                require_role(visitor, who)  # strangers send no file
                upload = await upload_of(request)
                require_own_form(request, visitor, upload.fields)
                return await take(visitor, request, upload)

            return await self._answered(visitor, taken)

        return self._route("POST", path, handle, take, who, max_body)

    def problem(self, visitor: Visitor, refusal: Refusal) -> HtmlReply:
        """Return the page that says what a refusal says."""
        language = visitor.language
        return problem_page(
            visitor,
            status=refusal.status,
            title=self._translations.title(refusal.slug, language),
            detail=self._translations.detail(refusal.slug, language, refusal.facts),
            retry_after=None if refusal.retry_after is None else int(refusal.retry_after) or 1,
        )

    async def _answered(
        self, visitor: Visitor, work: Callable[[], Awaitable[Reply[Any]]]
    ) -> Reply[Any]:
        try:
            reply = await work()
        except LogInNeeded:
            reply = redirect(f"/login?next={quote(visitor.path, safe='')}")
        except Refused as refused:
            reply = answered_with(visitor, refused.answer)
        except Refusal as refusal:
            reply = self.problem(visitor, refusal)
        if visitor.ended and isinstance(
            reply, HtmlReply
        ):  # the cookie of a session that has ended is of no use
            reply.set_cookies = [*reply.set_cookies, self._visitors.cookie.delete()]
        return reply

    def _route(
        self,
        method: Any,
        path: str,
        handle: Any,
        fn: Any,
        who: Who,
        max_body: int = MAX_BODY_BYTES,
    ) -> Route:
        handle.__qualname__ = fn.__qualname__
        handle.__doc__ = fn.__doc__
        return page_route(method, path, handle, page_for=who, max_body=max_body)


def page_route(
    method: Any,
    path: str,
    handle: Any,
    *,
    public_cache: bool = False,
    is_exact: bool = True,
    page_for: Who = ANYONE,
    max_body: int = MAX_BODY_BYTES,
) -> Route:
    """Return a route for browsers.

    Unlike a route of the API, it ignores parameters that it does not know: links from other sites
    carry some. It is in no OpenAPI document.
    is_exact: refuse other spellings of the path than the one by which we link to it.
    page_for: whom its handler serves, as `Pages` checks it; a page shows no access token.
    """
    return HTTPRouteHandler(
        path,
        http_method=method,
        status_code=200,
        media_type=HTML,
        before_request=_check_path if is_exact else None,
        opt={
            "who": ANYONE,
            "page_for": page_for,
            "public_cache": public_cache,
            "body": None,
            "taken": NOTHING_TAKEN,
        },
        include_in_schema=False,
        request_max_body_size=max_body,
    )(handle)


async def _check_path(request: Request) -> None:
    check_path(request)


def redirect(path: str, cookies: Sequence[str] = ()) -> HtmlReply:
    """Send the browser to a path of ours with GET."""
    return HtmlReply(b"", status=SEE_OTHER, headers={"Location": in_ascii(path)}, cookies=cookies)


def shown(template: str, visitor: Visitor, *, status: int = 200, **facts: Any) -> HtmlReply:
    """Return the page of a template."""
    return HtmlReply(render(template, visitor, **facts), status=status)


def problem_page(
    visitor: Visitor, *, status: int, title: str, detail: str, retry_after: int | None = None
) -> HtmlReply:
    """Return a page about something that went wrong."""
    is_ours = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    body = render(
        "problem.html",
        visitor,
        status=status,
        title=title,
        detail=detail,
        retry_after=retry_after,
        trace_id=current_trace_id() if is_ours else None,
    )
    return HtmlReply(body, status=status, headers=headers)


def answered_with(visitor: Visitor, answer: Answer) -> HtmlReply:
    """Return the page that says what another service's answer says."""
    problem = answer.problem
    return problem_page(
        visitor,
        status=answer.status,
        title=problem.title or str(answer.status),
        detail=problem.detail,
        retry_after=answer.retry_after,
    )


def require_user(visitor: Visitor) -> str:
    """Return the id of the user. Raises LogInNeeded."""
    if visitor.user is None:
        raise LogInNeeded
    return visitor.user.user_id


def require_role(visitor: Visitor, who: Who) -> None:
    """Raise LogInNeeded, NotFound for buyers or Forbidden for staff unless the page is for them."""
    if who is ANYONE:
        return
    require_user(visitor)
    if not may_use(who, visitor.roles):
        raise Forbidden if visitor.is_staff else NotFound


def own_path(text: str, default: str = "/") -> str:
    """Return the path of ours to go to next; the default for anything else."""
    is_own = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    return text if is_own and len(text) <= MAX_PATH_LENGTH else default
