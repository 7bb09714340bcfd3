"""Translate the text of a msgspec.ValidationError into a fault with pointer and facts."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from roadbike.kit.pure.refusals import Fault
from roadbike.kit.translations import Text

AT: Final = " - at `$"  # before the place of the fault, which always stands at the end
STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
# The first pattern that matches decides; its groups are the facts. Each one begins at the start of
# the message: msgspec quotes the client's values, and a search in them could take quadratic time.
SLUGS: Final = tuple(
    (re.compile(pattern, re.DOTALL), slug)
    for pattern, slug in (
        (r"Object missing required field `(?P<name>.+)`\Z", "fault-missing"),
        (r"Object contains unknown field `(?P<name>.+)`\Z", "fault-unknown"),
        (r"Expected `(?P<expected>[^`]+)`, got `(?P<got>[^`]+)`", "fault-type"),
        (r"Expected `str` of length >= 1\Z", "fault-empty"),
        (r"Expected `str` of length >= (?P<minimum>\d+)", "fault-too-short"),
        (r"Expected `str` of length <= (?P<maximum>\d+)", "fault-too-long"),
        (r"Expected `str` matching regex", "fault-pattern"),
        (r"Expected `\w+` >= (?P<minimum>[-+.\de]+)", "fault-minimum"),
        (r"Expected `\w+` <= (?P<maximum>[-+.\de]+)", "fault-maximum"),
        (r"(?:Integer value|Number) out of range", "fault-number"),
        (r"Invalid UUID", "fault-uuid"),
    )
)

# The types of JSON by msgspec's names. Each Korean noun ends in Hangul: see _with_particle.
NOUNS: Final[Mapping[str, Text]] = {
    "int": Text(ko="정수", en="an integer"),
    "float": Text(ko="숫자", en="a number"),
    "str": Text(ko="문자열", en="a string"),
    "bool": Text(ko="true/false 값", en="true or false"),
    "object": Text(ko="객체", en="an object"),
    "array": Text(ko="배열", en="an array"),
    "null": Text(ko="null 값", en="null"),
}
FLOAT: Final = Text(ko="소수점이 있는 숫자", en="a number with a decimal point")


def fault_of(message: str) -> Fault:
    """Return the fault that the message names; `fault-value` for a message that is not known.

    msgspec stops at the first fault. Limits are written with thousands separators. The types of
    `fault-type` are Texts: a noun in each language, in Korean with its particle.
    """
    text, found_place, path = message.rpartition(AT)
    if not found_place:
        text, path = message, ""
    pointer = "".join(f"/{name or index}" for name, index in STEP.findall(path.removesuffix("`")))
    for pattern, slug in SLUGS:
        if found := pattern.match(text):
            values = found.groupdict()
            name = values.pop("name", None)
            facts = {fact: _in_words(fact, value) for fact, value in values.items()}
            return Fault(slug=slug, pointer=pointer + (f"/{name}" if name else ""), facts=facts)
    return Fault(slug="fault-value", pointer=pointer)


def _in_words(fact: str, value: str) -> str | Text:
    match fact:
        case "expected":
            nouns = [_noun(type_) for type_ in value.split(" | ")]
            ko = " 또는 ".join(noun.ko for noun in nouns)
            en = " or ".join(noun.en for noun in nouns)
            return Text(ko=_with_particle(ko, "이어야", "여야"), en=en)
        case "got":
            noun = FLOAT if value == "float" else _noun(value)
            return Text(ko=_with_particle(noun.ko, "이", "가"), en=noun.en)
        case _:
            return f"{Decimal(value):,}"


def _noun(type_: str) -> Text:
    return NOUNS.get(type_) or Text(ko=f"{type_} 값", en=type_)


def _with_particle(noun: str, after_consonant: str, after_vowel: str) -> str:
    """Append the form of a Korean particle that follows the noun's last syllable."""
    ends_in_consonant = (ord(noun[-1]) - ord("가")) % 28 > 0  # Unicode orders syllables so
    return noun + (after_consonant if ends_in_consonant else after_vowel)
