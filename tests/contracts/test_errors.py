"""`docs/errors.md` names every exception of the code base, with its base class and HTTP status."""

import re
from collections.abc import Iterator
from importlib import import_module
from inspect import isclass
from pathlib import Path
from pkgutil import walk_packages

import pytest

import roadbike
from roadbike.kit.pure.refusals import Refusal

DOCUMENT = Path(roadbike.__file__).parents[2] / "docs" / "errors.md"
SECTION = re.compile(r"^## (\w+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| `(\w+)` \| `(\w+)` \| [^|]+ \| (\d{3}|–) \| [^|]+ \|$", re.MULTILINE)

Row = tuple[str, str, str]  # the package in roadbike, the exception, its base


def exceptions() -> Iterator[type[Exception]]:
    for module in walk_packages(roadbike.__path__, "roadbike."):
        if "migrations" in module.name or module.name.endswith("__main__"):
            continue
        for thing in vars(import_module(module.name)).values():
            if isclass(thing) and issubclass(thing, Exception) and thing.__module__ == module.name:
                yield thing


def row_of(exception: type[Exception]) -> Row:
    return exception.__module__.split(".")[1], exception.__name__, exception.__bases__[0].__name__


def documented() -> dict[Row, str]:
    """Return the status in each row of the document."""
    return {
        (package, name, base): status
        for package, rows in SECTION.findall(DOCUMENT.read_text())
        for name, base, status in ROW.findall(rows)
    }


EXCEPTIONS = sorted(exceptions(), key=row_of)
REFUSALS = [each for each in EXCEPTIONS if issubclass(each, Refusal) and each is not Refusal]


def test_every_exception_is_documented_and_no_other() -> None:
    assert sorted(documented()) == sorted(map(row_of, EXCEPTIONS))


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_is_documented_with_its_status(refusal: type[Refusal]) -> None:
    assert documented()[row_of(refusal)] == str(refusal.status)
