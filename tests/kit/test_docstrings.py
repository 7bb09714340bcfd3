"""Docstrings: every module has one, and everything public in kit and contracts."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import roadbike

ROOT = Path(roadbike.__file__).parent
MODULES = sorted(path for path in ROOT.rglob("*.py") if "migrations" not in path.parts)
SHARED = [path for path in MODULES if path.relative_to(ROOT).parts[0] in {"kit", "contracts"}]
# packages and modules in which every docstring of a function begins with an imperative verb
IMPERATIVE = [
    *("kit/pure", "kit/db", "kit/messaging"),
    *("kit/schema.py", "kit/idempotency.py", "kit/crash.py", "kit/trace.py", "kit/logs.py"),
]
NOT_A_VERB = {
    *("A", "All", "An", "As", "At", "Each", "Every", "For", "How", "If", "In", "It", "Its", "No"),
    *("Not", "Of", "On", "One", "Only", "Some", "Such", "That", "The", "Their", "There", "These"),
    *("This", "Those", "Until", "What", "When", "Where", "Whether", "Which", "While", "Who"),
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def is_imperative(path: Path) -> bool:
    return name_of(path).startswith(tuple(IMPERATIVE))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_begins_with_a_docstring(path: Path) -> None:
    first = (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n\n")[0]

    assert first.endswith((".", ":", ")"))


@pytest.mark.parametrize("path", SHARED, ids=name_of)
def test_public_functions_have_a_docstring(path: Path) -> None:
    without = [
        f"{path.name}:{function.lineno} {function.name}"
        for function in public_functions(ast.parse(path.read_text()))
        if not ast.get_docstring(function)
    ]

    assert without == []


def test_the_imperative_packages_exist() -> None:
    assert [name for name in IMPERATIVE if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("path", [path for path in SHARED if is_imperative(path)], ids=name_of)
def test_docstrings_of_functions_begin_with_an_imperative_verb(path: Path) -> None:
    others = [
        f"{path.name}:{node.lineno} {first_word(node)}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, Function) and ast.get_docstring(node)
        if not may_be_imperative(first_word(node))
    ]

    assert others == []


def first_word(function: Function) -> str:
    return (ast.get_docstring(function) or "").split()[0].rstrip(",.:;")


def may_be_imperative(word: str) -> bool:
    """Return False for words that are certainly not the imperative of a verb: The, Returns."""
    is_third_person = word.endswith("s") and not word.endswith("ss")
    return word.isalpha() and word.istitle() and word not in NOT_A_VERB and not is_third_person


def public_functions(tree: ast.AST) -> Iterator[Function]:
    """Return the module's public functions and the public methods of its public classes.

    Classes with a base class are left out: the base class has the docstrings.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            if all(map(is_generic, node.bases)):
                yield from public_functions(node)
        elif isinstance(node, Function) and not node.name.startswith("_") and not is_setter(node):
            yield node


def is_generic(base: ast.expr) -> bool:
    return ast.unparse(base).startswith(("Generic[", "Protocol"))


def is_setter(function: Function) -> bool:
    """Return whether it is a setter, whose docstring is that of the property."""
    return any(ast.unparse(each).endswith(".setter") for each in function.decorator_list)
