"""Rules of the house that no linter knows."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONGEST = 300  # lines
FOLDERS = [ROOT / "src" / "roadbike", ROOT / "tests", ROOT / "tools"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_file_that_grows_too_long_is_parted(folder: Path) -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in folder.rglob("*.py")}

    assert lengths
    assert [path for path, lines in lengths.items() if lines > LONGEST] == []
