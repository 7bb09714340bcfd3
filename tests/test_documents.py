"""Every path that a document names exists, and every page that it links to."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

import roadbike

ROOT = Path(__file__).parents[1]
PACKAGE = Path(roadbike.__file__).parent
FOLDERS = [ROOT / name for name in ("docs", "src", "tests", "deploy", "bench")]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in folder.rglob("*.md"))]
)

FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\s]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(r"[\w.-]+(/[\w.-]+)+/?")
FILE = re.compile(r"\w[\w-]*\.(py|md|toml|yml|yaml|lock)")
NO_PATHS = ("application/", "text/", ".venv/", ".roadbike/")  # media types, and what is made here


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def named(text: str, shape: re.Pattern[str]) -> list[str]:
    """What stands between backticks and has that shape, outside of blocks that show commands."""
    words = CODE.findall(FENCED.sub("", text))
    return [word for word in words if shape.fullmatch(word) and not word.startswith(NO_PATHS)]


def missing(paths: Iterable[str]) -> list[str]:
    """Those that are neither from the top nor from the package."""
    return [path for path in paths if not ((ROOT / path).exists() or (PACKAGE / path).exists())]


def test_there_are_documents() -> None:
    assert ROOT / "README.md" in DOCUMENTS


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_path_that_it_names_exists(document: Path) -> None:
    assert missing(named(document.read_text(), PATH)) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_file_that_it_names_exists_somewhere(document: Path) -> None:
    names = named(document.read_text(), FILE)
    there = {path.name for folder in FOLDERS for path in folder.rglob("*.*")}

    assert [name for name in names if name not in there and not (ROOT / name).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_page_that_it_links_to_exists(document: Path) -> None:
    links = [link.partition("#")[0] for link in LINK.findall(FENCED.sub("", document.read_text()))]
    pages = [
        link for link in links if link and "://" not in link and not link.startswith("mailto:")
    ]

    assert [page for page in pages if not (document.parent / page).exists()] == []


def test_a_path_that_is_gone_is_found() -> None:
    text = (
        "See `kit/db/database.py`, `kit/gone.py`, `application/json`.\n```\n`kit/shown.py`\n```\n"
    )

    assert missing(named(text, PATH)) == ["kit/gone.py"]
