"""Where staff begin."""

from typing import Any, Final

from litestar.connection import Request as HttpRequest

from roadbike.kit.pure.refusals import Forbidden
from roadbike.kit.web import STAFF, Route
from roadbike.storefront.sections import sections
from roadbike.storefront.visitors import Visitor
from roadbike.storefront.web import HtmlReply, Pages, redirect

HOME: Final = "/staff"


class StaffPages:
    """`/staff`: the first section that a member of staff may use."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages

    def routes(self) -> list[Route]:
        return [self.pages.page(HOME, self.begin, who=STAFF)]

    async def begin(self, visitor: Visitor, _request: HttpRequest[Any, Any, Any]) -> HtmlReply:
        """Go to the first section."""
        for section in sections(visitor):
            return redirect(section.path)
        raise Forbidden
