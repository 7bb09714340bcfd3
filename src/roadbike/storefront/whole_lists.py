"""A whole list of another service, page by page; and not at all while it has not changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from roadbike.storefront.peers import Answer, Peers, Request, Unreachable

PAGE_SIZE: Final = 100  # rows that one call returns at most


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
    rows: list[Any] = []
    tag: str | None = None
    number, pages = 0, 1
    while number < pages:
        headers = {"If-None-Match": known} if known and number == 0 else None
        answer = await _page(peers, service, path, number, headers)
        if answer.status == HTTPStatus.NOT_MODIFIED:
            return None
        if number == 0:
            tag = answer.etag
        pages = int(answer.body["page"]["totalPages"])
        rows += answer.body["_embedded"][name]
        number += 1
    return WholeList(rows, tag)


async def _page(
    peers: Peers, service: str, path: str, number: int, headers: Mapping[str, str] | None
) -> Answer:
    query = (("page", str(number)), ("size", str(PAGE_SIZE)))
    answer = await peers.send(
        Request(service=service, method="GET", path=path, query=query, headers=headers)
    )
    if not answer.is_success:
        raise Unreachable(service)
    return answer
