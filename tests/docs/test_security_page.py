"""`docs/security.md` has every promise, and each with tests that exist or the reason why not."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text()
ROW = re.compile(r"^\| (\d+) \| (.+) \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
ROWS = ROW.findall(PAGE)
NONE = "–"


def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


def test_every_promise_has_a_row() -> None:
    assert [int(row[0]) for row in ROWS] == list(range(1, 28))


@pytest.mark.parametrize(("path", "name"), sorted(set(TEST.findall(PAGE))))
def test_a_named_test_exists(path: str, name: str) -> None:
    assert name.startswith("test_")
    assert name in functions(ROOT / path)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_promise_has_tests_or_the_reason_why_not(row: tuple[str, ...]) -> None:
    _, promise, code, tests, not_yet = row

    assert promise.strip()
    if tests == NONE:
        assert code == NONE
        assert not_yet != NONE
    else:
        named = re.findall(r"`[^`]+`", tests)
        assert named
        assert all(TEST.fullmatch(name) for name in named)
