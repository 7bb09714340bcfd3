"""A whole list of another service, page by page; and not at all while it has not changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from roadbike.storefront.peers import Answer, Peers, Request, Unreachable

PAGE_SIZE: Final = 100  # rows that one call returns at most

Query = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class WholeList:
    """The rows of all pages. tag: the ETag of the list when its first page was read, if any."""

    rows: list[Any]
    tag: str | None


async def read_whole(
    peers: Peers, service: str, path: str, name: str, *, known: str | None
) -> WholeList | None:
    """Return the list; None while its ETag is the known one.

    name: of the rows in the response. A row that changes while the pages are read is read again
    next time, because the tag is of the time before. Raises Unreachable.
    """
    headers = {"If-None-Match": known} if known else None
    query: Query = (("size", str(PAGE_SIZE)),)
    answer = await _page(peers, service, path, query, headers)
    if answer.status == HTTPStatus.NOT_MODIFIED:
        return None
    tag, rows = answer.etag, list(answer.body["_embedded"][name])
    while following := answer.body["_links"].get("next"):
        query = tuple(parse_qsl(urlsplit(following["href"]).query))
        answer = await _page(peers, service, path, query, None)
        rows += answer.body["_embedded"][name]
    return WholeList(rows, tag)


async def _page(
    peers: Peers, service: str, path: str, query: Query, headers: Mapping[str, str] | None
) -> Answer:
    answer = await peers.send(
        Request(service=service, method="GET", path=path, query=query, headers=headers)
    )
    if not answer.is_success:
        raise Unreachable(service)
    return answer
