"""All generated documents: their paths, and what stands in them now."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tools.docs import asyncapi, board, hexagon, maps, mermaid, metrics, settings, tables
from tools.docs.flow import Flow, flow_of
from tools.docs.services import NAMES, build_all
from tools.docs.tour import Tour, record

ROOT: Final = Path(__file__).parents[2]
ARCHITECTURE: Final = "docs/architecture.md"
ASYNCAPI: Final = "docs/asyncapi.yaml"
SETTINGS: Final = "docs/settings.md"
MAPS: Final = "docs/maps.md"
METRICS: Final = "docs/metrics.md"
PICTURES: Final = "docs/pictures"
BOARD: Final = f"{PICTURES}/event-storming.svg"
PATHS: Final = (
    *(ARCHITECTURE, ASYNCAPI, SETTINGS, MAPS, METRICS, BOARD),
    *(f"{PICTURES}/{name}.svg" for name in NAMES),
)
BLOCK: Final = re.compile(r"<!-- generated: (\S+) -->\n(.*?)<!-- end -->", re.DOTALL)


def documents(root: Path = ROOT) -> dict[str, str]:
    """Return every generated document, by its path from `root`.

    Of the architecture page only the blocks between its markers are generated.
    Raises Incomplete when the recorded run lacks an event or a reaction.
    """
    tour = record()
    flow = flow_of(build_all(), tour)
    page = (root / ARCHITECTURE).read_text(encoding="utf-8")
    return {
        ARCHITECTURE: filled(page, _blocks(flow, tour)),
        ASYNCAPI: asyncapi.document(flow),
        SETTINGS: settings.page(),
        MAPS: maps.page(root),
        METRICS: metrics.page(root),
        BOARD: board.board(flow),
        **{f"{PICTURES}/{name}.svg": hexagon.hexagon(flow, name) for name in NAMES},
    }


def stale(root: Path = ROOT) -> list[str]:
    """Return the paths of the documents that are not as they would be generated now."""
    return [path for path, text in documents(root).items() if not is_current(root / path, text)]


def is_current(path: Path, text: str) -> bool:
    """Return whether the file holds exactly this text."""
    return path.is_file() and path.read_text(encoding="utf-8") == text


def write(root: Path = ROOT) -> list[str]:
    """Write every document that is not current; return the paths of those."""
    written = []
    for path, text in documents(root).items():
        if not is_current(root / path, text):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
            written.append(path)
    return written


def filled(page: str, blocks: Mapping[str, str]) -> str:
    """Return the page with its blocks replaced.

    Raises ValueError when the page lacks a block, or has one that nobody generates.
    """
    named = [found[1] for found in BLOCK.finditer(page)]
    if sorted(named) != sorted(blocks):
        raise ValueError(f"{ARCHITECTURE}: blocks {sorted(named)}, not {sorted(blocks)}")
    return BLOCK.sub(
        lambda found: f"<!-- generated: {found[1]} -->\n\n{blocks[found[1]]}\n\n<!-- end -->", page
    )


def _blocks(flow: Flow, tour: Tour) -> dict[str, str]:
    return {
        "services": tables.services(flow),
        "events": tables.events(flow),
        "fields": tables.fields(flow),
        "reserve": mermaid.sequence(tour.reserve),
        "pay": mermaid.sequence(tour.pay),
        "cancel": mermaid.sequence(tour.cancel),
        **{f"states-{name}": mermaid.states(name) for name in mermaid.with_lifecycle(NAMES)},
    }
