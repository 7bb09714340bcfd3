"""Every path that a document names exists, and so does every page that it links to."""

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
NO_PATHS = (
    "application/",
    "text/",
    ".venv/",
    ".roadbike/",
    "build/",
)  # media types, and folders that the commands create


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def named(text: str, pattern: re.Pattern[str]) -> list[str]:
    """Return the words between backticks that match the pattern, outside of fenced blocks."""
    words = CODE.findall(FENCED.sub("", text))
    return [word for word in words if pattern.fullmatch(word) and not word.startswith(NO_PATHS)]


def missing(paths: Iterable[str]) -> list[str]:
    """Return the paths that exist neither below the repository nor below the package."""
    return [path for path in paths if not ((ROOT / path).exists() or (PACKAGE / path).exists())]


def test_there_are_documents() -> None:
    assert ROOT / "README.md" in DOCUMENTS


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_path_in_a_document_exists(document: Path) -> None:
    assert missing(named(document.read_text(), PATH)) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_file_name_in_a_document_exists_somewhere(document: Path) -> None:
    names = named(document.read_text(), FILE)
    there = {path.name for folder in FOLDERS for path in folder.rglob("*.*")}

    assert [name for name in names if name not in there and not (ROOT / name).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_of_a_document_leads_to_a_file(document: Path) -> None:
    links = [link.partition("#")[0] for link in LINK.findall(FENCED.sub("", document.read_text()))]
    pages = [
        link for link in links if link and "://" not in link and not link.startswith("mailto:")
    ]

    assert [page for page in pages if not (document.parent / page).exists()] == []


def test_a_path_that_does_not_exist_is_found() -> None:
    text = (
        "See `kit/db/database.py`, `kit/gone.py`, `application/json`.\n```\n`kit/shown.py`\n```\n"
    )

    assert missing(named(text, PATH)) == ["kit/gone.py"]
