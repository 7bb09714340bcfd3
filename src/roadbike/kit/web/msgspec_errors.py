"""What msgspec says about a value, as a fault with pointer and message."""

import re
from typing import Final

from roadbike.kit.pure.refusals import Fault

PLACE: Final = re.compile(r"^(?P<said>.*?)(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)
STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
SAYINGS: Final = (
    (re.compile(r"missing required field `(?P<name>.+)`$"), "fault-missing"),
    (re.compile(r"unknown field `(?P<name>.+)`$"), "fault-unknown"),
    (re.compile(r"Expected `(?P<expected>[^`]+)`, got `(?P<got>[^`]+)`"), "fault-type"),
    (re.compile(r"of length (?P<comparison>[<>=]+) (?P<length>\d+)"), "fault-length"),
    (re.compile(r"Expected `\w+` >= (?P<minimum>[-\d.]+)"), "fault-minimum"),
    (re.compile(r"Expected `\w+` <= (?P<maximum>[-\d.]+)"), "fault-maximum"),
    (re.compile(r"out of range"), "fault-number"),
)


def fault_of(message: str) -> Fault:
    """Translate the text of a msgspec.ValidationError; its first fault is the only one it names."""
    place = PLACE.match(message)
    said, path = (place["said"], place["path"] or "") if place else (message, "")
    pointer = "".join(f"/{name or index}" for name, index in STEP.findall(path))
    for saying, slug in SAYINGS:
        if found := saying.search(said):
            facts = found.groupdict()
            name = facts.pop("name", None)
            return Fault(slug=slug, pointer=pointer + (f"/{name}" if name else ""), facts=facts)
    return Fault(slug="fault-value", pointer=pointer)
