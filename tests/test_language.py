"""Words that readers stumbled over do not come back: no private vocabulary, no images, no archaisms.

`docs/glossary.md` explains the words that are used in a special sense.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
SUFFIXES: Final = {".py", ".md", ".toml", ".yaml", ".yml", ".json"}
READ: Final = sorted(
    path
    for place in ("src", "tests", "docs", "tools", "README.en.md", "CONTRIBUTING.md", "SECURITY.md")
    for path in ([ROOT / place] if (ROOT / place).is_file() else (ROOT / place).rglob("*"))
    if path.suffix in SUFFIXES and path != Path(__file__)
)

WORDS: Final = (  # whole words, also as parts of names: heard_at, is_away
    *("tell", "tells", "told", "telling", "teller", "untold"),
    *("hear", "hears", "heard", "hearing", "unheard"),
    *("fold", "folds", "folded", "folding"),
    *("away", "intent", "intents", "allowance", "anew", "whoever"),
    *("sister", "sisters", "floors", "roof", "tombstoned"),
)
PHRASES: Final = (
    *("for ever", "but for", "is no news", "at rest", "never again", "interests nobody"),
    *("tx 1", "tx 2", "kit knows no", "load-bearing", "names the room", "says which one holds"),
    *("telephone", "who says to be who", "at least-once", "drive on", "driven on", "part of it is"),
    *("behind a buyer", "whatever has become", "its next owner", "from here on only"),
    *("are no json", "is no json", "the nine", "one of ours has", "again, please"),
    *("a service that is away", "keeps its name", "use up the tries", "two halves"),
)
PATTERN: Final = re.compile(
    "|".join(
        [
            *(rf"(?<![a-z]){word}(?![a-z])" for word in WORDS),
            *(re.escape(phrase) for phrase in PHRASES),
        ]
    ),
    re.IGNORECASE,
)


def found(text: str) -> Iterator[tuple[int, str]]:
    """Each word that is not to be used, with the number of its line."""
    for number, line in enumerate(text.splitlines(), 1):
        for match in PATTERN.finditer(line):
            yield number, match[0]


@pytest.mark.parametrize("path", READ, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_uses_none_of_the_words_that_readers_stumbled_over(path: Path) -> None:
    assert list(found(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("text", "word"),
    [("x = heard_at", "heard"), ("It was Told.", "Told"), ("kept for ever", "for ever")],
)
def test_a_word_is_found_in_a_name_and_in_a_sentence(text: str, word: str) -> None:
    assert list(found(text)) == [(1, word)]


def test_a_longer_word_is_another_word() -> None:
    assert list(found("a folder, an intention, a household, retold")) == []
