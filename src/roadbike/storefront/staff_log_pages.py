"""The page of the audit log: what staff changed in all services."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from roadbike.kit.web import ADMIN, Reply, Route
from roadbike.kit.web.csv_stream import CsvStream
from roadbike.storefront import staff_log, staff_words
from roadbike.storefront.peers import Peers
from roadbike.storefront.staff_lists import AFTER, begun, filters_of, query_of
from roadbike.storefront.visitors import Visitor
from roadbike.storefront.web import HtmlReply, Pages, Request, shown

PAGE: Final = "/staff/audit"
TABLE: Final = f"{PAGE}.csv"


class StaffLogPages:
    """`/staff/audit`: for admins; nobody changes what it shows."""

    def __init__(self, pages: Pages, peers: Peers) -> None:
        self.pages = pages
        self.peers = peers

    def routes(self) -> list[Route]:
        return [
            self.pages.page(PAGE, self.log, who=ADMIN),
            self.pages.page(TABLE, self.table, who=ADMIN),
        ]

    async def log(self, visitor: Visitor, request: Request) -> HtmlReply:
        """List what staff changed, the last change first."""
        typed = filters_of(request, staff_log.FILTERS)
        after = query_of(request).get(AFTER)
        found = await staff_log.log_page(self.peers, visitor, typed, after)
        return shown(
            "staff/audit.html",
            visitor,
            status=found.status,
            found=found,
            typed=typed,
            words=staff_words,
            is_hidden=staff_log.is_hidden,
            first=_address(PAGE, typed) if after else None,
            next=_address(PAGE, typed | {AFTER: found.after}) if found.after else None,
            table=_address(TABLE, typed),
        )

    async def table(self, visitor: Visitor, request: Request) -> Reply[Any]:
        """Export the list as a table."""
        typed = filters_of(request, staff_log.FILTERS)
        rows = staff_log.log_cells(self.peers, visitor, typed)
        return CsvStream("audit.csv", staff_log.COLUMNS, await begun(rows))


def _address(path: str, query: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path
