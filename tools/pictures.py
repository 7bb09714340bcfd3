"""Make the pictures of the README from the output of a real shop: `python -m tools.pictures`.

It opens a shop of its own on the default ports, in a temporary folder, and closes it again.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from rich.text import Text

from tools.terminal_svg import picture

PICTURES: Final = Path(__file__).parents[1] / "docs" / "pictures"
SHOWN_FOLDER: Final = "/home/me/roadbike"  # shown instead of the temporary folder
COLUMNS: Final = 100


def main() -> int:
    """Write the pictures. Return 1 when a command of the shop failed."""
    with tempfile.TemporaryDirectory(prefix="roadbike-") as temporary:
        folder = Path(temporary).resolve() / "roadbike"
        folder.mkdir()
        (folder / ".venv").symlink_to(sys.prefix)
        try:
            _write("up", "make up", _from_box(_lines(folder, "up", "--detach")))
            _write("status", "roadbike status", _lines(folder, "status"))
            _write(
                "demo",
                "roadbike demo",
                _without_pages(_lines(folder, "demo", "--home", ".roadbike")),
            )
        except subprocess.CalledProcessError as error:
            sys.stderr.write(f"{error}\n{error.stdout}{error.stderr}\n")
            return 1
        finally:
            _run(folder, "down", check=False)
    return 0


def _lines(folder: Path, *arguments: str) -> list[Text]:
    """Run a `roadbike` command as on a terminal, and return what it printed."""
    output = Text.from_ansi(_shortened(_run(folder, *arguments, check=True), folder).rstrip())
    lines = list(output.split("\n"))
    for line in lines:
        line.rstrip()
    return lines


def _run(folder: Path, *arguments: str, check: bool) -> str:
    own = {name: value for name, value in os.environ.items() if not name.startswith("ROADBIKE_")}
    terminal = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    done = subprocess.run(  # noqa: S603 the command is our own
        [".venv/bin/roadbike", *arguments],
        cwd=folder,
        env=own | terminal,
        check=check,
        capture_output=True,
        encoding="utf-8",
    )
    return done.stdout


def _shortened(output: str, folder: Path) -> str:
    """Show another folder than the temporary one; the box keeps its width."""
    return output.replace(
        f"{folder}/.roadbike", f"{SHOWN_FOLDER}/.roadbike".ljust(len(f"{folder}/.roadbike"))
    )


def _from_box(lines: Sequence[Text]) -> Sequence[Text]:
    """Leave out the progress, which a terminal overwrites."""
    first = next(index for index, line in enumerate(lines) if line.plain.startswith("╭"))
    return lines[first:]


def _without_pages(lines: Iterable[Text]) -> list[Text]:
    """Leave out the JSON of my page, and the empty line and the title above it."""
    kept: list[Text] = []
    inside = False
    for line in lines:
        if line.plain == "{":
            inside, kept = True, kept[:-2]
        if not inside:
            kept.append(line)
        inside = inside and line.plain != "}"
    return kept


def _write(name: str, title: str, lines: Sequence[Text]) -> None:
    path = PICTURES / f"{name}.svg"
    path.write_text(picture(title, lines), encoding="utf-8")
    sys.stdout.write(f"written: {path.relative_to(PICTURES.parents[1])}\n")


if __name__ == "__main__":
    sys.exit(main())
