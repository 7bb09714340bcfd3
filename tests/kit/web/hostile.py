"""Texts and bodies that make a careless reader slow, each in any size."""

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice, product
from typing import Final

LETTERS: Final = [chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"\\']
WORDS: Final = (  # each is repeated
    *" a0-_.,;:=/'`\"\\[]{}()<>%&+*?^$|~@#!",
    *('\\"', "[[", "{{", "a,", "en;q=0.1,", "ko-", "10.0.0.1,", "::", "%22", "%", "=&", "a=b;"),
    *("missing required field `", "Object missing required field `", "unknown field `"),
    *("Expected `a`, got `", "Expected `int` >= 1", " - at `$", "`$.", "price,asc,", "price,"),
)
WIDE_WORDS: Final = ("é", "가", "각", "\u0300\u0316", "\u0316\u0300", "\ufdfa", "\u0130", "ß", "😀")
ENDS: Final = ("", "x - at `$")  # the second looks like the place that msgspec appends


def texts(size: int, *, wide: bool) -> Iterator[tuple[str, str]]:
    """Yield names and texts of `size` characters. wide: with characters beyond ASCII."""
    for word, end in product((*WORDS, *(WIDE_WORDS if wide else ())), ENDS):
        yield repr(f"{word}…{end}"), repeated(word, size - len(end)) + end


def repeated(word: str, size: int) -> str:
    return (word * (size // len(word) + 1))[:size]


def bodies(size: int) -> Iterator[tuple[str, bytes]]:
    """Yield names and bodies of about `size` bytes that are hostile whatever their type is."""
    for opened, words in product(("", "[" * 21, '{"a":' * 21), (*WORDS, "[],", "{},", '"":')):
        yield f"{opened[:5]}{words!r}…", (opened + repeated(words, size - len(opened))).encode()
    for name, text in STRUCTURED.items():
        yield name, text(size - 100).encode()


def _list(item: str, size: int) -> str:
    return "[" + ",".join([item] * (size // (len(item) + 1))) + "]"


def _object(members: Iterator[str]) -> str:
    return "{" + ",".join(members) + "}"


def names(count: int) -> Iterator[str]:
    return islice(("".join(pair) for pair in product(LETTERS, repeat=3)), count)


STRUCTURED: Final[Mapping[str, Callable[[int], str]]] = {  # all but the last are valid JSON
    "many names, the last twice": lambda size: _object(
        f'"{name}":0' for name in (*names(size // 8), [*names(size // 8)][-1])
    ),
    "one name many times": lambda size: _object('"a":0' for _ in range(size // 6)),
    "many unknown names": lambda size: _object(f'"{name}":0' for name in names(size // 8)),
    "names with escapes": lambda size: _object(f'"\\u0000{name}":0' for name in names(size // 14)),
    "long name around many": lambda size: (
        '{"\\n":0,"' + "a" * (size // 2) + '":' + _list('""', size // 2) + "}"
    ),
    "long names around many": lambda size: (
        '{"\\n":0,"'
        + "a" * (size // 2)
        + '":'
        + _object(f'"{n}":""' for n in names(size // 18))
        + "}"
    ),
    "long name around forbidden": lambda size: (
        '{"' + "a" * (size // 2) + '":' + _list('"\\u0000"', size // 2) + "}"
    ),
    "forbidden characters": lambda size: _list('"\\u0000"', size),
    "lone surrogates": lambda size: '"' + "\\ud800" * (size // 6) + '"',
    "long integer": lambda size: "1" * size,
    "long integers": lambda size: _list("9" * 4_300, size),
    "long fraction": lambda size: "0." + "1" * size,
    "long exponent": lambda size: "1" + "0" * (size // 2) + "e-" + "1" * (size // 2),
    "many floats": lambda size: _list("1.7976931348623157e308", size),
    "deep": lambda size: "[" * 20 + _list("[]", size) + "]" * 20,
    "not closed": lambda size: '{"a":"' + "a\\\\" * (size // 3),
}


def bodies_with(name: str, size: int) -> Iterator[tuple[str, bytes]]:
    """Yield names and bodies of about `size` bytes whose member `name` has a hostile text."""
    room = size - len(name) - 10
    for shape, text in texts(size, wide=True):
        ratio = room / len(json.dumps(text[:1_000], ensure_ascii=False).encode()) * 1_000
        body = json.dumps({name: text[: int(ratio)]}, ensure_ascii=False)
        yield f"{name}: {shape}", body.encode()
