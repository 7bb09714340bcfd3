"""docs/settings.md names every environment variable, and says what each is for."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from tools.docs import settings
from tools.docs.documents import ROOT, SETTINGS

NAMED = re.compile(r"\bROADBIKE_[A-Z][A-Z_]*\b")
CI_ONLY = {"ROADBIKE_CI_CLEAN"}  # .ci/run sets it for itself
PLACES = [ROOT / name for name in ("src", ".ci", "Makefile", "docs", "bench", "deploy")]


def files() -> Iterable[Path]:
    for place in PLACES:
        yield from [place] if place.is_file() else (p for p in place.rglob("*") if p.is_file())
    yield from ROOT.glob("*.md")


def named_in(text: str) -> set[str]:
    """The variables that a text names; `NAME_FILE` counts as `NAME`."""
    return {name.removesuffix("_FILE") for name in NAMED.findall(text)}


def test_every_variable_that_is_named_anywhere_is_on_the_page(generated: dict[str, str]) -> None:
    texts = [path.read_text(errors="ignore") for path in files() if path.suffix != ".pyc"]
    named = set().union(*map(named_in, texts))

    assert len(named) > 20
    assert named - named_in(generated[SETTINGS]) - CI_ONLY == set()


def test_every_setting_is_on_the_page(generated: dict[str, str]) -> None:
    rows = [line.split("|")[1].strip(" `") for line in generated[SETTINGS].splitlines()
            if line.startswith("| `")]  # fmt: skip

    assert sorted(set(rows)) == sorted(settings.names())


def test_every_setting_says_what_it_is_for() -> None:
    assert settings.undescribed() == set()


@pytest.mark.parametrize(
    ("text", "names"),
    [("ROADBIKE_PORT_FILE=x", {"ROADBIKE_PORT"}), ("ROADBIKE_", set()), ("ROADBIKE_…", set())],
)
def test_a_named_variable_is_found(text: str, names: set[str]) -> None:
    assert named_in(text) == names
