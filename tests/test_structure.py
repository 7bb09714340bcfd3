"""Rules of the code base that no linter checks."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST_LINES = 300
FOLDERS = [ROOT / "src" / "roadbike", ROOT / "tests", ROOT / "tools"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_no_file_is_too_long(folder: Path) -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in folder.rglob("*.py")}

    assert lengths
    assert [path for path, lines in lengths.items() if lines > MOST_LINES] == []
