"""Responses in HAL: items with links, pages of items."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, Generic, TypeVar
from urllib.parse import urlencode

import msgspec
from litestar import Litestar
from litestar.connection import Request
from litestar.response import Response
from litestar.types import Message, Receive, Scope, Send
from msgspec import UNSET, UnsetType, field

from roadbike.kit.db.keyset import AFTER
from roadbike.kit.db.paging import Paging
from roadbike.kit.web.media import HAL_JSON

T = TypeVar("T")

WITHOUT_BODY: Final = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}


class Reply(Response[T], Generic[T]):
    """A response whose status, headers or media type differ from those of its route.

    body: a Struct or mapping, which is encoded as JSON, or bytes or a string, sent unchanged.
    """

    def __init__(
        self,
        body: T,
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
    ) -> None:
        super().__init__(body, status_code=status, headers=headers, media_type=media_type)

    def to_asgi_response(
        self,
        app: Litestar | None,  # noqa: ARG002 Litestar's
        request: Request[Any, Any, Any],  # noqa: ARG002 Litestar's
        *,
        media_type: str | None = None,
        status_code: int | None = None,
        **_: Any,
    ) -> Any:
        """Return the encoded response: unlike Litestar's, without cookies and background tasks."""
        content: Any = self.content
        media = str(self.media_type or media_type or HAL_JSON)
        if isinstance(content, str):
            content, media = content.encode(), f"{media}; charset=utf-8"
        body = content if isinstance(content, bytes) else msgspec.json.encode(content)
        return EncodedResponse(
            self.status_code or status_code or HTTPStatus.OK, media, self.headers, body
        )


def unchanged(headers: Mapping[str, str]) -> Reply[Any]:
    """Return the response to a client that has what these headers' ETag names: a 304."""
    return Reply(b"", status=HTTPStatus.NOT_MODIFIED, headers=headers)


class EncodedResponse:
    """A response as ASGI messages; for a status without a body, the body is dropped."""

    def __init__(
        self, status: int, media_type: str, headers: Mapping[str, str], body: bytes
    ) -> None:
        given = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        self._body = b"" if status in WITHOUT_BODY else body
        self._start: Message = {"type": "http.response.start", "status": status, "headers": given}
        if status not in WITHOUT_BODY:
            given.append((b"content-type", media_type.encode()))
            given.append((b"content-length", str(len(body)).encode()))

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send the response."""
        await send(self._start)
        await send({"type": "http.response.body", "body": self._body, "more_body": False})


class Link(msgspec.Struct, frozen=True):
    """A link; `href` is relative to this host."""

    href: str


Links = dict[str, Link]


def links(**rels: str) -> Links:
    """Return the `_links` of an item: `links(self="/stocks/1", cancel=…)`."""
    return {rel: Link(href) for rel, href in rels.items()}


V = TypeVar("V", bound=msgspec.Struct)


def view(type_: type[V], state: object, links: Links) -> V:
    """Return the state as a `type_`: fields by name from its attributes, and these `_links`.

    Raises msgspec.ValidationError when the state lacks a field of the view.
    """
    fields = msgspec.convert(state, type_, from_attributes=True)
    return msgspec.structs.replace(fields, links=links)


class PageInfo(msgspec.Struct, frozen=True, rename="camel"):
    """The size of the list and the place of this page in it; `number` counts from 0."""

    size: int
    total_elements: int
    total_pages: int
    number: int


class PageLinks(msgspec.Struct, frozen=True, kw_only=True):
    """Links to the neighbours of a page; links to pages that do not exist are left out."""

    self: Link
    first: Link
    prev: Link | UnsetType = UNSET
    next: Link | UnsetType = UNSET
    last: Link


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A page of a list. T is a Struct with one list, under its name on the wire."""

    embedded: T = field(name="_embedded")
    links: PageLinks = field(name="_links")
    page: PageInfo


def page_of(
    embedded: T,
    paging: Paging,
    *,
    total: int,
    url: str,
    following: str | None = None,
    **found_by: object,
) -> Page[T]:
    """Return one page of a list: `page_of(Stocks(stocks=[…]), paging, total=…, url="/stocks")`.

    total: the number of items in the whole list. following: where the next page begins, for its
    link; without it the link has only the number. found_by: further query parameters of the
    request, which the links repeat, by their names on the wire; those that are None are left out.
    """
    given = {name: value for name, value in found_by.items() if value is not None}
    prefix = f"{urlencode(given)}&" if given else ""
    pages = -(-total // paging.size)
    last = max(0, pages - 1)

    def to(number: int, after: str | None = None) -> Link:
        return Link(f"{url}?{prefix}{_query(paging, number, after)}")

    has_next = following is not None or (paging.after is None and paging.number < last)

    neighbours = PageLinks(
        self=to(paging.number, paging.after),
        first=to(0),
        prev=to(min(paging.number - 1, last)) if paging.number > 0 else UNSET,
        next=to(paging.number + 1, following) if has_next else UNSET,
        last=to(last),
    )
    info = PageInfo(paging.size, total, pages, paging.number)
    return Page(embedded=embedded, links=neighbours, page=info)


def _query(paging: Paging, number: int, after: str | None) -> str:
    """Return the query string of page `number` of the same list, which begins there."""
    pairs: list[tuple[str, str | int]] = [("page", number), ("size", paging.size)]
    pairs += [("sort", f"{by.field},{'desc' if by.descending else 'asc'}") for by in paging.sort]
    pairs += [("q", paging.q)] if paging.q else []
    pairs += [(AFTER, after)] if after else []
    return urlencode(pairs, safe=",")
