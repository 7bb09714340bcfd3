"""Rules of the code base that no linter checks."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST_LINES = 300
CLOCKS = ("time.time()", "time.monotonic()", "datetime.now(UTC)", "datetime.now()")
FOLDERS = [ROOT / "src" / "roadbike", ROOT / "tests", ROOT / "tools"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_no_file_is_too_long(folder: Path) -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in folder.rglob("*.py")}

    assert lengths
    assert [path for path, lines in lengths.items() if lines > MOST_LINES] == []


def test_no_test_reads_the_clock_when_it_is_collected() -> None:
    """By the time that it runs, minutes later, "in ten minutes" may have become "long ago"."""
    paths = list((ROOT / "tests").rglob("*.py"))
    reads = {path: list(clock_reads(ast.parse(path.read_text()))) for path in paths}

    assert paths
    assert {path: lines for path, lines in reads.items() if lines} == {}


def clock_reads(node: ast.AST) -> Iterator[int]:
    """Yield the lines that read a clock outside functions; their decorators count as outside."""
    if isinstance(node, ast.Call) and ast.unparse(node) in CLOCKS:
        yield node.lineno
    inside: list[ast.AST] = []
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        inside = list(node.body)
    elif isinstance(node, ast.Lambda):
        inside = [node.body]
    for child in ast.iter_child_nodes(node):
        if child not in inside:
            yield from clock_reads(child)


def test_a_clock_that_is_read_in_a_decorator_is_found() -> None:
    source = "@each(time.time())\ndef test() -> None:\n    time.time()\n"

    assert list(clock_reads(ast.parse(source))) == [1]
