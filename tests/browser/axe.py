"""What axe finds on a page, in both colour schemes."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

PICTURES: Final = Path(__file__).parents[2] / "build" / "pages"
WRITES_PICTURES: Final = bool(os.environ.get("PICTURES"))
SCHEMES: Final = ("light", "dark")
ABOUT_COLOURS: Final = ("color-contrast", "link-in-text-block")
ALL: Final[dict[str, Any]] = {"resultTypes": ["violations"]}
COLOURS: Final = ALL | {"runOnly": {"type": "rule", "values": ABOUT_COLOURS}}


def faults(page: Page, look: Callable[[str], None] = lambda _: None) -> dict[str, str]:
    """Return a report for each scheme with faults; `look` is called in each scheme.

    In the second scheme only the rules about colours are asked: nothing else has changed.
    """
    found = {}
    for scheme, options in zip(SCHEMES, (ALL, COLOURS), strict=True):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type] literals
        results = Axe().run(page, options=options)
        if results.violations_count:
            found[scheme] = results.generate_report()
        look(scheme)
    return found


def take_picture(page: Page, name: str) -> None:
    """Write the page as it is seen to build/pages, if the variable PICTURES is set."""
    if WRITES_PICTURES:
        path = PICTURES / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=path, full_page=True)
