"""Lists for staff as pages: filters of the address, rows of a service, the next page, the table."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from litestar.connection import Request as HttpRequest

from roadbike.kit.pure.texts import UnusableText, line
from roadbike.kit.web.csv_stream import CsvFile
from roadbike.storefront.peers import Answer, Peers, Refused
from roadbike.storefront.visitors import Visitor

SIZE: Final = 50
AFTER: Final = "after"
LONGEST: Final = 200  # characters of a filter that is passed on

Query = Sequence[tuple[str, str]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a list comes from. page: its address here. filters: names of query parameters.

    path: its address at the service.
    """

    page: str
    service: str
    path: str
    filters: Sequence[str]

    @property
    def table(self) -> str:
        """Return the address of the same list as text/csv."""
        return f"{self.page}.csv"


@dataclass(frozen=True, kw_only=True, slots=True)
class ListPage:
    """One page of a list. typed: the filters. faults: what is wrong with them, by name.

    count: how many rows the filters find, or `more` than that. next: the address of the next page.
    first: that of the first page, when this is another one. table: of the whole list as text/csv.
    """

    typed: Mapping[str, str]
    faults: Mapping[str, str]
    rows: Sequence[Any] = ()
    count: int = 0
    more: bool = False
    next: str | None = None
    first: str | None = None
    table: str = ""

    @property
    def status(self) -> int:
        """Return the status of a page that shows it."""
        return HTTPStatus.UNPROCESSABLE_ENTITY if self.faults else HTTPStatus.OK

    @property
    def is_narrowed(self) -> bool:
        """Return whether any filter is set."""
        return bool(self.typed)


class Lists:
    """Reads lists of other services on behalf of staff."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers

    async def page(
        self, visitor: Visitor, request: HttpRequest[Any, Any, Any], source: Source
    ) -> ListPage:
        """Return the page that the address asks for. Raises Unreachable, and Refused for others."""
        typed, after = filters_of(request, source.filters), query_of(request).get(AFTER, "")
        query = [*typed.items(), ("size", str(SIZE)), *([(AFTER, after)] if after else [])]
        answer = await self._peers.send(
            visitor.asks(source.service, "GET", source.path, query=query)
        )
        if answer.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            faults = {fault.parameter: fault.detail for fault in answer.problem.errors}
            return ListPage(typed=typed, faults=faults)
        body = success(answer)
        [rows] = body["_embedded"].values()
        following = body["_links"].get("next", {}).get("href")
        return ListPage(
            typed=typed,
            faults={},
            rows=rows,
            count=body["found"]["count"],
            more=body["found"]["more"],
            next=_address(source.page, typed, _after(following)) if following else None,
            first=_address(source.page, typed) if after else None,
            table=_address(source.table, typed),
        )

    async def rows(
        self, visitor: Visitor, service: str, path: str, **query: str
    ) -> tuple[Sequence[Any], int, bool]:
        """Return the first rows of a list, how many there are, and whether there are more."""
        given = [("size", str(SIZE)), *query.items()]
        body = success(await self._peers.send(visitor.asks(service, "GET", path, query=given)))
        [rows] = body["_embedded"].values()
        return rows, body["found"]["count"], body["found"]["more"]

    async def table(
        self, visitor: Visitor, request: HttpRequest[Any, Any, Any], source: Source
    ) -> CsvFile:
        """Return the whole list as a file. Raises Unreachable, and Refused."""
        query = list(filters_of(request, source.filters).items())
        parts = self._peers.stream(visitor.asks(source.service, "GET", source.path, query=query))
        name = source.page.removeprefix("/staff/").replace("/", "-")
        return CsvFile(f"{name}.csv", await begun(parts))


async def begun(parts: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """Return the same parts, once the first one is there: what it raises becomes a page."""
    first = await anext(parts, None)
    return parts if first is None else _from(first, parts)


async def _from(first: T, rest: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    async with aclosing(rest):
        yield first
        async for part in rest:
            yield part


def success(answer: Answer) -> Any:
    """Return the body of an answer. Raises Refused, which shows as a page what it says."""
    if not answer.is_success:
        raise Refused(answer)
    return answer.body


def query_of(request: HttpRequest[Any, Any, Any]) -> dict[str, str]:
    """Return the parameters of the address that are not empty, the last one of each name."""
    raw = request.scope["query_string"].decode(errors="replace")
    return {
        name: value.strip() for name, value in parse_qsl(raw, errors="replace") if value.strip()
    }


def filters_of(request: HttpRequest[Any, Any, Any], names: Sequence[str]) -> dict[str, str]:
    """Return the filters of these names that the address has, as lines."""
    found = query_of(request)
    return {name: _line(found[name])[:LONGEST] for name in names if name in found}


def _line(text: str) -> str:
    try:
        return line(text)
    except UnusableText:
        return "".join(each if each.isprintable() else "?" for each in text)


def _after(href: str) -> str:
    return dict(parse_qsl(urlsplit(href).query))[AFTER]


def _address(path: str, typed: Mapping[str, str], after: str = "") -> str:
    query = dict(typed) | ({AFTER: after} if after else {})
    return f"{path}?{urlencode(query)}" if query else path
