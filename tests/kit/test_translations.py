"""Texts exist in every language, and filling them in never fails."""

from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest

import roadbike.kit
from roadbike.kit.pure.refusals import Refusal
from roadbike.kit.translations import Text, Translations, language_of, load_translations


@pytest.fixture
def translations() -> Translations:
    return load_translations("roadbike.kit")


def test_facts_fill_the_sentence(translations: Translations) -> None:
    assert translations.detail("fault-minimum", "en", {"minimum": 3}) == "Must be 3 or more."
    assert translations.detail("fault-minimum", "ko", {"minimum": 3}) == "3 이상이어야 합니다."


def test_a_missing_fact_shows_its_name(translations: Translations) -> None:
    assert translations.detail("fault-minimum", "en", {}) == "Must be {minimum} or more."


def test_a_fact_is_not_used_as_a_template(translations: Translations) -> None:
    detail = translations.detail("fault-minimum", "en", {"minimum": "{maximum.__class__}"})

    assert detail == "Must be {maximum.__class__} or more."


def test_a_fact_may_have_a_word_in_each_language(translations: Translations) -> None:
    facts = {
        "expected": Text(ko="정수여야", en="an integer"),
        "got": Text(ko="객체가", en="an object"),
    }

    assert translations.detail("fault-type", "en", facts) == "Must be an integer, not an object."
    assert translations.detail("fault-type", "ko", facts) == "정수여야 하는데 객체가 왔습니다."


def test_an_unknown_slug_has_the_texts_of_internal(translations: Translations) -> None:
    assert translations.title("no-such-slug", "en") == "Something went wrong"


def test_a_slug_in_two_catalogues_is_refused() -> None:
    with pytest.raises(ValueError, match="defined twice"):
        load_translations("roadbike.kit", "roadbike.kit")


def test_every_refusal_of_the_kit_has_its_texts(translations: Translations) -> None:
    for module in walk_packages(roadbike.kit.__path__, "roadbike.kit."):
        import_module(module.name)

    for kind in _kinds(Refusal):
        if kind.__module__.startswith("roadbike.kit."):
            assert kind.slug in translations.entries


def _kinds(base: type[Refusal]) -> list[type[Refusal]]:
    below = base.__subclasses__()
    return below + [kind for each in below for kind in _kinds(each)]


def test_every_fault_that_the_kit_uses_has_its_texts(translations: Translations) -> None:
    texts = [path.read_text() for path in Path(roadbike.kit.__path__[0]).rglob("*.py")]

    for text in texts:
        for piece in text.split('"fault-')[1:]:
            assert f"fault-{piece.partition(chr(34))[0]}" in translations.entries


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        (None, "ko"),
        ("", "ko"),
        ("*", "ko"),
        ("en", "en"),
        ("EN-us", "en"),
        ("ko-KR,ko;q=0.9,en;q=0.8", "ko"),
        ("en;q=0", "ko"),
        (";;;,,,=q", "ko"),
        ("en," * 100_000, "en"),
    ],
)
def test_the_accept_language_header_chooses_the_language(accept: str | None, language: str) -> None:
    assert language_of(accept) == language
