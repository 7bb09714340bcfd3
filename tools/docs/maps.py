"""The map of the code: one line per file, the first sentence of its module."""

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tools.docs.services import NAMES, first_sentence
from tools.docs.tables import table

SOURCE: Final = "src/roadbike"
FOLDERS: Final = ("kit", "contracts", *NAMES, "local", "ops")
ABOUT: Final = """\
# Maps

One line for each file: the first sentence of its module. Paths are under the folder that the
heading names. What the packages may import stands in [CONTRIBUTING](../CONTRIBUTING.md); words with
a special sense are in the [glossary](glossary.md).
"""


def page(root: Path) -> str:
    """Return the page for the repository at `root`."""
    contents = [f"[{name}](#{name})" for name in (*FOLDERS, "tests", "tools")]
    parts = [ABOUT, " · ".join(contents) + "\n"]
    for name in FOLDERS:
        parts += [f"## {name}\n", f"`{SOURCE}/{name}`\n", _map(root / SOURCE / name)]
    for name in ("tests", "tools"):
        parts += [f"## {name}\n", f"`{name}`\n", _map(root / name)]
    return "\n".join(parts)


def _map(folder: Path) -> str:
    """Return a table per folder that holds modules, the folder itself first."""
    folders = sorted({path.parent for path in folder.rglob("*.py")})
    files = [
        path for each in folders for path in sorted(each.glob("*.py")) if not _is_migration(path)
    ]
    return table(["file", "what it is for"], _rows(folder, files)) + "\n"


def _is_migration(path: Path) -> bool:
    return "migrations" in path.parts


def _rows(folder: Path, files: Sequence[Path]) -> list[list[str]]:
    return [[_name(folder, path), says] for path in files if (says := sentence(path))]


def _name(folder: Path, path: Path) -> str:
    if path.name == "__init__.py":
        at = path.parent.relative_to(folder).as_posix()
        return "**(the package)**" if at == "." else f"**{at}/**"
    return f"{path.relative_to(folder).as_posix()}"


def sentence(path: Path) -> str:
    """Return the first sentence of a module's docstring; empty when it has none."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    return first_sentence(text).replace("|", "\\|")
