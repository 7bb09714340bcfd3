"""Templates to HTML: one environment, the same names in every template."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from roadbike.contracts.geometry import Geometry
from roadbike.storefront.drawing import draw
from roadbike.storefront.sections import sections
from roadbike.storefront.visitors import Visitor
from roadbike.storefront.words import Words, machine_time, short_number

PACKAGE: Final = "roadbike.storefront"
KEPT_PICTURES: Final = 1000  # of about 5 KB
STATIC: Final[Mapping[str, str]] = {
    "icon.svg": "image/svg+xml",
    "shop.css": "text/css",
    "shop.js": "text/javascript",
}


def render(template: str, visitor: Visitor, **facts: Any) -> bytes:
    """Return the page as UTF-8. facts: what the template shows.

    Every template gets `v` (the visitor), `w` (words in the visitor's language) and `t`.
    Raises jinja2.UndefinedError when a fact is missing.
    """
    words = Words(visitor.language, datetime.now(UTC))
    context = {"v": visitor, "w": words, "t": words.t, **facts}
    return environment().get_template(template).render(context).encode()


@cache
def environment() -> Environment:
    """Return the templates' environment: everything is escaped, a missing fact is an error."""
    made = Environment(
        loader=PackageLoader(PACKAGE),
        autoescape=True,
        auto_reload=False,  # they are part of the code, and as old as the process
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "picture": _picture,
        "short_number": short_number,
        "machine_time": machine_time,
        "moment": datetime.fromisoformat,
        "asset": asset_url,
        "sections": sections,
    }
    return made


@cache
def static_file(name: str) -> bytes:
    """Return a file of `static`. Raises KeyError for a name that is not in STATIC."""
    if name not in STATIC:
        raise KeyError(name)
    return files(PACKAGE).joinpath("static", name).read_bytes()


@cache
def asset_url(name: str) -> str:
    """Return the address of a static file; it changes with the content, so it may be kept."""
    return f"/static/{name}?v={sha256(static_file(name)).hexdigest()[:12]}"


@lru_cache(KEPT_PICTURES)
def _picture(geometry: Geometry | None, title: str) -> Markup | None:
    """Return the drawing, which is safe: numbers, colours that were checked, an escaped title."""
    return None if geometry is None else Markup(draw(geometry, title=title))  # noqa: S704 see above
