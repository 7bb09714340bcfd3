"""What a text is: one composition, only characters that people type, and how texts compare."""

import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final, Literal
from unicodedata import category, combining, normalize

import msgspec
from msgspec import Meta
from msgspec.inspect import Metadata, UnionType

LONGEST_COMPOSITION: Final = 4  # the most characters that NFC makes one of
MAX_MARKS: Final = 30  # combining marks in a row, as in Unicode's stream-safe format (UAX 15)
SORT_KEY_BYTES: Final = 400  # the indexes of databases have a limit for each of their entries
SPACES: Final = (  # the category Zs, and the blank of Braille
    " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f"
    "\u3000\u2800"
)
BREAKS: Final = "\t\n\r"
JOINERS: Final = "\u200c\u200d\u00ad"  # between two characters: of an emoji, of a word
SELECTORS: Final = re.compile(  # they vary the character before; the last are in flags
    "[\u034f\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef\U000e0020-\U000e007f]"
)
UNSEEN: Final = re.compile(  # letters of Hangul without a shape, and what Unicode never assigns
    "[\u115f\u1160\u3164\uffa0\ufdd0-\ufdef]"
)
UNSEEN_CATEGORIES: Final = {"Cc", "Cf", "Cs", "Zl", "Zp"}
LAST_OF_PLANE: Final = 0xFFFE  # U+xxFFFE and U+xxFFFF are no characters
NUMBER: Final = re.compile(r"[0-9]+")
ACCENTED: Final = re.compile("([a-z])[\u0300-\u036f]+")  # decomposed; a mark of Kana is no accent
PLAIN: Final = str.maketrans(  # what people type for letters that Unicode does not decompose
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "\u0131": "i"}
    | {"æ": "ae", "œ": "oe", "þ": "th"}
)

Kind = Literal["start", "visible", "space", "break", "mark", "selector", "joiner", "unseen"]
SHOWN: Final = frozenset[Kind]({"visible", "mark", "selector"})
FOLLOWS: Final[Mapping[Kind, AbstractSet[Kind]]] = {  # each kind, and what may stand before it
    "visible": SHOWN | {"start", "space", "break", "joiner"},
    "space": SHOWN | {"space", "break"},
    "break": SHOWN | {"space", "break"},
    "mark": SHOWN | {"space", "joiner"},
    "selector": SHOWN,
    "joiner": SHOWN,
}


class UnusableText(ValueError):
    """A text has a character that it may not have, or nothing visible. slug: of its message."""

    def __init__(self, slug: str) -> None:
        super().__init__(slug)
        self.slug = slug


def composed(text: str) -> str:
    """Return the text in Unicode's form NFC: systems compose the same Hangul differently.

    Raises UnusableText for more than MAX_MARKS combining marks in a row: to sort them takes
    quadratic time.
    """
    if text.isascii():
        return text
    marks = 0
    for each in text:
        marks = marks + 1 if combining(each) else 0
        if marks > MAX_MARKS:
            raise UnusableText("fault-characters")
    return normalize("NFC", text)


def line(text: str) -> str:
    """Return the text as one line: composed, and without the spaces around it.

    Spaces of all kinds may be in it, and joiners and variation selectors where people type them.
    Raises UnusableText when nothing visible is left, for a line break, and for every other
    character that is not seen.
    """
    return _checked(composed(text).strip(SPACES), "fault-line")


def paragraphs(text: str) -> str:
    """Return the text as `line` does, but it may have tabs and line breaks."""
    return _checked(composed(text).strip(SPACES + BREAKS), "fault-characters", breaks=True)


def search_form(text: str) -> str:
    """Return the form in which texts are compared by a search: one line.

    Composition, case, width, accents of Latin letters, the kind and number of spaces, and
    characters that show nothing make no difference. It may be longer than the text, or empty.
    """
    return _plain(_caseless(text))


def sort_key(text: str) -> bytes:
    """Return the key in whose order of bytes people sort: digits, Latin, Hangul.

    Case and width make no difference, and accents decide only between texts that are otherwise
    equal; a number in a text sorts by its value. Texts with the same first SORT_KEY_BYTES have the
    same key.
    """
    form = _caseless(text)
    letters = "".join(each for each in normalize("NFD", _plain(form)) if not combining(each))
    counted = NUMBER.sub(_with_its_length, normalize("NFC", letters))
    return f"{counted}\0{form}".encode()[:SORT_KEY_BYTES]


def _caseless(text: str) -> str:
    """Return Unicode's NFKC_Casefold of the text, with one space where there are several."""
    small = normalize("NFKC", normalize("NFD", text).casefold()).casefold()
    shown = (each for each in small if _kind(each) not in {"selector", "joiner", "unseen"})
    return " ".join(normalize("NFKC", "".join(shown)).split())


def _plain(caseless: str) -> str:
    """Return the text with Latin letters as they are without accents."""
    if caseless.isascii():
        return caseless
    return normalize("NFC", ACCENTED.sub(r"\1", normalize("NFD", caseless)).translate(PLAIN))


CHECKS: Final[Mapping[str, Callable[[str], str]]] = {"line": line, "paragraphs": paragraphs}
LINE: Final = Meta(  # a name, an address, a label, a setting
    min_length=1,
    description="One line of text. Spaces around it are removed.",
    extra={"text": "line"},
)
PARAGRAPHS: Final = Meta(
    min_length=1,
    description="Lines of text. Spaces and empty lines around them are removed.",
    extra={"text": "paragraphs"},
)


@dataclass(frozen=True, slots=True)
class Rule:
    """What the type of a field says about its text. longest: characters; None is no limit."""

    check: Callable[[str], str]
    longest: int | None

    def apply(self, text: str) -> str:
        """Return the text as the type wants it. Raises UnusableText.

        One that stays too long when it is composed is not looked at: the type refuses it.
        """
        trimmed = text.strip(SPACES)
        if self.longest is not None and len(trimmed) > LONGEST_COMPOSITION * self.longest:
            return text
        return self.check(trimmed)


def rules(type_: type[msgspec.Struct]) -> Mapping[str, Rule]:
    """Return the rules of all fields that are declared as LINE or PARAGRAPHS, by wire name."""
    return {
        name: Rule(CHECKS[kind.extra["text"]], getattr(kind.type, "max_length", None))
        for name, kind in declared(type_, "text").items()
        if kind.extra
    }


def declared(type_: type[msgspec.Struct], key: str) -> Mapping[str, Metadata]:
    """Return the types of those fields that have this key in Meta's `extra`, by wire name."""
    found = {}
    for field in msgspec.structs.fields(type_):
        described = msgspec.inspect.type_info(field.type)
        kinds = described.types if isinstance(described, UnionType) else (described,)
        for kind in kinds:
            if isinstance(kind, Metadata) and kind.extra and key in kind.extra:
                found[field.encode_name] = kind
    return found


def _checked(text: str, slug: str, *, breaks: bool = False) -> str:
    if text and text.isascii() and text.isprintable():
        return text
    kinds: list[Kind] = ["start", *map(_kind, text)]
    if any(before not in FOLLOWS.get(each, ()) for before, each in pairwise(kinds)):
        raise UnusableText(slug)
    if kinds[-1] == "joiner" or ("break" in kinds and not breaks):
        raise UnusableText(slug)
    if "visible" not in kinds:
        raise UnusableText("fault-blank")
    return text


@lru_cache(4096)
def _kind(each: str) -> Kind:
    if each in SPACES:
        return "space"
    if each in BREAKS:
        return "break"
    if each in JOINERS:
        return "joiner"
    if SELECTORS.match(each):
        return "selector"
    general = category(each)
    if general[0] == "M":
        return "mark"
    unseen = general in UNSEEN_CATEGORIES or UNSEEN.match(each)
    return "unseen" if unseen or ord(each) & LAST_OF_PLANE == LAST_OF_PLANE else "visible"


def _with_its_length(number: re.Match[str]) -> str:
    digits = number[0].lstrip("0")
    return f"{len(digits):03}{digits}"
