"""What the shop says in the reader's language: catalogues of titles and details."""

import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Final, Literal

import msgspec

Language = Literal["ko", "en"]
LANGUAGES: Final[Sequence[Language]] = ("ko", "en")  # the first is the default


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One sentence or word in every language; a sentence is a str.format template of the facts."""

    ko: str
    en: str

    def in_(self, language: Language) -> str:
        """Return the template in that language."""
        return self.ko if language == "ko" else self.en


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A title and a sentence on what happened and what to do about it."""

    title: Text
    detail: Text


class Translations:
    """All entries by slug. An unknown slug answers with the entry of `internal`."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self.entries = entries

    def title(self, slug: str, language: Language) -> str:
        """Return the title of the slug's entry."""
        return self._entry(slug).title.in_(language)

    def detail(self, slug: str, language: Language, facts: Mapping[str, object]) -> str:
        """Return the sentence with the facts filled in; a fact that is missing shows its name.

        A fact that is a Text is filled in in that language.
        """
        said = {name: _said(fact, language) for name, fact in facts.items()}
        return self._entry(slug).detail.in_(language).format_map(_Facts(said))

    def _entry(self, slug: str) -> Entry:
        return self.entries.get(slug) or self.entries["internal"]


def _said(fact: object, language: Language) -> object:
    return fact.in_(language) if isinstance(fact, Text) else fact


class _Facts(dict[str, object]):
    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"


def load_translations(*packages: str) -> Translations:
    """Read `messages.toml` of each package and merge them.

    Raises ValueError when two catalogues define one slug, msgspec.ValidationError when an entry
    lacks a language.
    """
    entries: dict[str, Entry] = {}
    for package in packages:
        text = files(package).joinpath("messages.toml").read_text(encoding="utf-8")
        found = msgspec.convert(tomllib.loads(text), dict[str, Entry])
        if twice := entries.keys() & found.keys():
            raise ValueError(f"{package}: messages defined twice: {', '.join(sorted(twice))}")
        entries |= found
    return Translations(entries)


def language_of(accept: str | None) -> Language:
    """Choose the language that an Accept-Language header likes best; Korean when it names none."""
    best: tuple[float, Language] = (0.0, LANGUAGES[0])
    for part in (accept or "")[:1000].split(","):
        tag, _, weight = part.partition(";")
        primary = tag.strip().lower().partition("-")[0]
        for language in LANGUAGES:
            if primary == language and (quality := _quality(weight)) > best[0]:
                best = (quality, language)
    return best[1]


def _quality(weight: str) -> float:
    name, _, value = weight.strip().partition("=")
    if not name:
        return 1.0
    try:
        return float(value) if name.strip() == "q" else 0.0
    except ValueError:
        return 0.0
