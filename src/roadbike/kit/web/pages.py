"""HTML pages for the URLs in `type` of problem documents: an explanation in both languages."""

from html import escape
from typing import Any, Final

from litestar.connection import Request

from roadbike.kit.pure.refusals import NO_MEMBERS, NotFound
from roadbike.kit.translations import LANGUAGES, Translations
from roadbike.kit.web.access import ANYONE
from roadbike.kit.web.hal import Reply
from roadbike.kit.web.routes import Route, get

HTML: Final = "text/html"
POLICY: Final = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"


async def problem_page(slug: str, request: Request[Any, Any, Any]) -> Reply[str]:
    """Return the page of one problem type. Raises NotFound for an unknown one."""
    translations: Translations = request.app.state["translations"]
    if slug not in translations.entries:
        raise NotFound
    return Reply(
        _page(slug, translations),
        headers={"Content-Security-Policy": POLICY, "Cache-Control": "public, max-age=3600"},
        media_type=HTML,
    )


def problem_routes() -> list[Route]:
    """Return the route of the pages."""
    return [get("/problems/{slug:str}", problem_page, who=ANYONE, media_type=HTML, in_schema=False)]


def _page(slug: str, translations: Translations) -> str:
    sections = "".join(
        f'<section lang="{language}"><h1>{escape(translations.title(slug, language))}</h1>'
        f"<p>{escape(translations.detail(slug, language, NO_MEMBERS))}</p></section>"
        for language in LANGUAGES
    )
    return (
        '<!doctype html><html lang="ko"><head><meta charset="utf-8">'
        f"<title>{escape(slug)}</title></head><body><main>{sections}</main></body></html>"
    )
