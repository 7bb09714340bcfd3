"""What is wrong with settings, as plain sentences in Korean and English."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Meta

from roadbike.kit.translations import Language, Text, load_texts

LONGEST: Final = 100_000  # characters of a text without a limit of its own


@dataclass(frozen=True, slots=True)
class SettingFault:
    """One thing that is wrong: the slug of its sentence in settings.toml, and the facts."""

    slug: str
    facts: Mapping[str, object]

    def in_(self, language: Language) -> str:
        """Return the sentence."""
        return _texts()[self.slug].filled(language, self.facts)


class SettingError(Exception):
    """Settings are missing, wrong or misspelt; each fault names one and says what to do about it.

    As text it has one English sentence in each line.
    """

    def __init__(self, *faults: SettingFault) -> None:
        super().__init__(*faults)
        self.faults = faults

    def __str__(self) -> str:
        return "\n".join(fault.in_("en") for fault in self.faults)


def fault(slug: str, /, **facts: object) -> SettingFault:
    """Return the fault with these facts."""
    return SettingFault(slug, facts)


def fault_of(name: str, type_: Any, text: str) -> SettingFault:
    """Return why that text is not a value of the type, which is the annotation of a field."""
    bare, limits = _without_limits(type_)
    if get_origin(bare) is Literal:
        return fault("setting-choice", name=name, choices=", ".join(map(str, get_args(bare))))
    if bare is bool:
        return fault("setting-true-or-false", name=name)
    if bare is int or bare is float:
        return _fault_of_number(name, bare, limits, text)
    if limits.get("pattern"):
        return fault("setting-form", name=name)
    low, high = limits.get("min_length", 0), limits.get("max_length", LONGEST)
    return fault("setting-length", name=name, low=low, high=high)


def _fault_of_number(name: str, type_: Any, limits: Mapping[str, Any], text: str) -> SettingFault:
    try:
        value = msgspec.convert(text, type_, strict=False)
    except msgspec.ValidationError:
        return fault("setting-whole-number" if type_ is int else "setting-number", name=name)
    low, high = limits.get("ge"), limits.get("le")
    if low is not None and value < low:
        return fault("setting-too-low", name=name, low=low)
    return fault("setting-too-high", name=name, high=high)


def _without_limits(type_: Any) -> tuple[Any, dict[str, Any]]:
    """Return the type inside of Annotated and beside None, and the limits of its Metas."""
    limits: dict[str, Any] = {}
    while True:
        if get_origin(type_) is Annotated:
            type_, *notes = get_args(type_)
            for note in notes:
                if isinstance(note, Meta):
                    known = ("ge", "le", "min_length", "max_length", "pattern")
                    found = {each: getattr(note, each) for each in known}
                    limits |= {each: limit for each, limit in found.items() if limit is not None}
        elif get_origin(type_) in (Union, UnionType):
            (type_,) = (each for each in get_args(type_) if each is not NoneType)
        else:
            return type_, limits


@cache
def _texts() -> Mapping[str, Text]:
    return load_texts("roadbike.kit.process", "settings.toml")
