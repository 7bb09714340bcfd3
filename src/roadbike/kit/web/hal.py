"""Answers in HAL: items with links, pages of items."""

from collections.abc import Mapping
from typing import Generic, TypeVar

import msgspec
from litestar.response import Response
from msgspec import UNSET, UnsetType, field

from roadbike.kit.web.paging import Paging

T = TypeVar("T")


class Answer(Response[T], Generic[T]):
    """A body with another status or further headers than the route's own.

    `body` is a Struct or mapping (encoded as JSON), or bytes that are sent as they are.
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


class Link(msgspec.Struct, frozen=True):
    """Where else to go; relative to this host."""

    href: str


Links = dict[str, Link]


def links(**rels: str) -> Links:
    """Return the `_links` of an item: `links(self="/stocks/1", cancel=…)`."""
    return {rel: Link(href) for rel, href in rels.items()}


class PageInfo(msgspec.Struct, frozen=True, rename="camel"):
    """Which page this is; `number` counts from 0."""

    size: int
    total_elements: int
    total_pages: int
    number: int


class PageLinks(msgspec.Struct, frozen=True, kw_only=True):
    """The neighbours of a page; those that do not exist are left out."""

    self: Link
    first: Link
    prev: Link | UnsetType = UNSET
    next: Link | UnsetType = UNSET
    last: Link


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A page of a list. T is a Struct with one list, named as the wire names it."""

    embedded: T = field(name="_embedded")
    links: PageLinks = field(name="_links")
    page: PageInfo


def page_of(embedded: T, paging: Paging, *, total: int, url: str) -> Page[T]:
    """Wrap the items of one page: `page_of(Stocks(stocks=[…]), paging, total=…, url="/stocks")`."""
    pages = -(-total // paging.size)
    last = max(0, pages - 1)

    def to(number: int) -> Link:
        return Link(f"{url}?{paging.query(number)}")

    neighbours = PageLinks(
        self=to(paging.number),
        first=to(0),
        prev=to(min(paging.number - 1, last)) if paging.number > 0 else UNSET,
        next=to(paging.number + 1) if paging.number < last else UNSET,
        last=to(last),
    )
    info = PageInfo(paging.size, total, pages, paging.number)
    return Page(embedded=embedded, links=neighbours, page=info)
