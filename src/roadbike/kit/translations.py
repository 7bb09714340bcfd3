"""The texts for users, in Korean and English: catalogues of titles and details by slug."""

import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Final, Literal, TypeVar

import msgspec

T = TypeVar("T")

Language = Literal["ko", "en"]
LANGUAGES: Final[Sequence[Language]] = ("ko", "en")  # the first is the default
MAX_HEADER_LENGTH: Final = 1000  # characters of Accept-Language that are read


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One sentence or word in every language; a sentence is a str.format template of the facts."""

    ko: str
    en: str

    def in_(self, language: Language) -> str:
        """Return the template in that language."""
        return self.ko if language == "ko" else self.en

    def filled(self, language: Language, facts: Mapping[str, object]) -> str:
        """Return the sentence with the facts filled in; a missing fact shows its name in braces.

        A fact that is a Text is filled in in that language.
        """
        values = {name: _in_language(fact, language) for name, fact in facts.items()}
        return self.in_(language).format_map(_Facts(values))


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A title, and a sentence that says what happened and what to do."""

    title: Text
    detail: Text


class Translations:
    """All entries by slug; an unknown slug has the texts of `internal`."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self.entries = entries

    def title(self, slug: str, language: Language) -> str:
        """Return the title of the slug's entry."""
        return self._entry(slug).title.in_(language)

    def detail(self, slug: str, language: Language, facts: Mapping[str, object]) -> str:
        """Return the sentence with the facts filled in, as Text.filled does."""
        return self._entry(slug).detail.filled(language, facts)

    def _entry(self, slug: str) -> Entry:
        return self.entries.get(slug) or self.entries["internal"]


def _in_language(fact: object, language: Language) -> object:
    return fact.in_(language) if isinstance(fact, Text) else fact


class _Facts(dict[str, object]):
    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"


def load_translations(*packages: str) -> Translations:
    """Read `messages.toml` of each package and merge them.

    Raises ValueError when two catalogues define the same slug, msgspec.ValidationError when an
    entry lacks a language.
    """
    entries: dict[str, Entry] = {}
    for package in packages:
        _add(entries, _read(package, "messages.toml", Entry), package)
    return Translations(entries)


def load_texts(package: str, *names: str) -> dict[str, Text]:
    """Read catalogues of single sentences, which have no title: files of the package.

    Raises as `load_translations`.
    """
    texts: dict[str, Text] = {}
    for name in names:
        _add(texts, _read(package, name, Text), name)
    return texts


def _read(package: str, name: str, type_: type[T]) -> dict[str, T]:
    content = files(package).joinpath(name).read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(content), dict[str, type_])  # type: ignore[valid-type]


def _add(known: dict[str, T], found: Mapping[str, T], where: str) -> None:
    if repeated := known.keys() & found.keys():
        raise ValueError(f"{where}: messages defined twice: {', '.join(sorted(repeated))}")
    known |= found


def language_of(accept: str | None) -> Language:
    """Return the language that an Accept-Language header prefers; Korean when it names neither."""
    best: tuple[float, Language] = (0.0, LANGUAGES[0])
    for part in (accept or "")[:MAX_HEADER_LENGTH].split(","):
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
