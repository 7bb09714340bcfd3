"""What belongs to the whole site: static files, the API's documentation, unknown pages."""

from collections.abc import Mapping
from typing import Any, Final

from litestar.connection import Request as HttpRequest

from roadbike.kit.pure.refusals import NotFound
from roadbike.kit.web import Reply, Route
from roadbike.storefront.peers import Peers, Request, Unreachable
from roadbike.storefront.rendering import STATIC, static_file
from roadbike.storefront.visitors import Visitor, Visitors
from roadbike.storefront.web import HtmlReply, Pages, page_route, shown

FOREVER: Final = "public, max-age=31536000, immutable"  # their addresses change with the content
METHODS: Final = ("get", "post", "put", "patch", "delete")
WITH_API: Final = ("stock", "reservation", "payment", "delivery", "mypage", "account")


class SitePages:
    """`/static/…`, `/docs` and every path that nothing else serves."""

    def __init__(self, pages: Pages, visitors: Visitors, peers: Peers) -> None:
        self.pages = pages
        self.visitors = visitors
        self.peers = peers

    def routes(self) -> list[Route]:
        return [
            page_route("GET", "/static/{name:str}", self.static, public_cache=True),
            self.pages.page("/docs", self.docs),
            page_route("GET", "/{rest:path}", self.unknown, is_exact=False),
        ]

    async def static(self, name: str) -> Reply[bytes]:
        """Return the style sheet or the script."""
        if name not in STATIC:
            raise NotFound
        media_type = f"{STATIC[name]}; charset=utf-8"
        return Reply(static_file(name), media_type=media_type, headers={"Cache-Control": FOREVER})

    async def docs(self, visitor: Visitor, _request: HttpRequest[Any, Any, Any]) -> HtmlReply:
        """Show the operations of all services, as their OpenAPI documents describe them."""
        documents = {name: await self._document(name, visitor) for name in WITH_API}
        return shown("docs.html", visitor, documents=documents, methods=METHODS)

    async def unknown(self, request: HttpRequest[Any, Any, Any]) -> HtmlReply:
        """Refuse a path that does not exist: with a page to browsers, a document to programs."""
        if "text/html" not in request.headers.get("accept", ""):
            raise NotFound
        return self.pages.problem(await self.visitors.of(request), NotFound())

    async def _document(self, service: str, visitor: Visitor) -> Mapping[str, Any] | None:
        request = Request(
            service=service, method="GET", path="/openapi.json", language=visitor.language
        )
        try:
            answer = await self.peers.send(request)
        except Unreachable:
            return None
        return answer.body if answer.is_success else None
