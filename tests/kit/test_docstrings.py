"""Every module says what it is for; what is public in kit and contracts says what it does."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import roadbike

ROOT = Path(roadbike.__file__).parent
MODULES = sorted(path for path in ROOT.rglob("*.py") if "migrations" not in path.parts)
SHARED = [path for path in MODULES if path.relative_to(ROOT).parts[0] in {"kit", "contracts"}]

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_opens_with_a_sentence(path: Path) -> None:
    first = (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n\n")[0]

    assert first.endswith((".", ":", ")"))


@pytest.mark.parametrize("path", SHARED, ids=name_of)
def test_what_is_public_says_what_it_does(path: Path) -> None:
    silent = [
        f"{path.name}:{one.lineno} {one.name}"
        for one in public(ast.parse(path.read_text()))
        if not ast.get_docstring(one)
    ]

    assert silent == []


def public(tree: ast.AST) -> Iterator[Function]:
    """Functions of the module and methods of its public classes.

    A class with a base of its own is left out: what the base says is not said again.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            if all(map(is_generic, node.bases)):
                yield from public(node)
        elif isinstance(node, Function) and not node.name.startswith("_") and not is_setter(node):
            yield node


def is_generic(base: ast.expr) -> bool:
    return ast.unparse(base).startswith(("Generic[", "Protocol"))


def is_setter(function: Function) -> bool:
    """It has said so as a property."""
    return any(ast.unparse(each).endswith(".setter") for each in function.decorator_list)
