"""The geometry of a bike as fields of staff's form: one for each measure, with its words."""

from collections.abc import Mapping
from typing import Any, Final

Both = tuple[str, str]

LABELS: Final[Mapping[str, Both]] = {  # by field; the name in JSON is what follows PREFIX
    "geo-model": ("모델 번호", "Model number"),
    "geo-kind": ("종류", "Kind"),
    "geo-paint": ("프레임 색", "Frame colour"),
    "geo-accent": ("포인트 색", "Accent colour"),
    "geo-stack": ("스택(mm)", "Stack (mm)"),
    "geo-reach": ("리치(mm)", "Reach (mm)"),
    "geo-headTube": ("헤드튜브(mm)", "Head tube (mm)"),
    "geo-seatTube": ("시트튜브(mm)", "Seat tube (mm)"),
    "geo-headAngle": ("헤드각(°)", "Head angle (°)"),
    "geo-seatAngle": ("시트각(°)", "Seat angle (°)"),
    "geo-chainstay": ("체인스테이(mm)", "Chainstay (mm)"),
    "geo-bbDrop": ("BB 드롭(mm)", "BB drop (mm)"),
    "geo-forkOffset": ("포크 오프셋(mm)", "Fork offset (mm)"),
}
PREFIX: Final = "geo-"
KIND: Final = "geo-kind"
FIELDS: Final = tuple(LABELS)
TEXTS: Final = {KIND, "geo-paint", "geo-accent"}


def texts(geometry: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the fields of a geometry as the form shows them, empty ones for None."""
    known = geometry or {}
    return {name: _text(known.get(name.removeprefix(PREFIX))) for name in FIELDS}


def plain(name: str, value: str) -> str:
    """Return the value as it is compared: "541" for "541.0", colours in small letters."""
    if name in TEXTS:
        return value.lower()
    number = _number(value)
    return value if number is None else _text(number)


def given(fields: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the geometry of the form in JSON, without empty fields; None when all are empty.

    What is no number stays a text, which stock refuses.
    """
    filled = {name: value for name, value in fields.items() if name in LABELS and value}
    return {name.removeprefix(PREFIX): _json(name, value) for name, value in filled.items()} or None


def field_of(pointer: str) -> str | None:
    """Return the field that a fault's pointer is about; None when it is about no geometry.

    For example `geo-stack` for "/geometry/stack"; the first field for the geometry as a whole.
    """
    head, _, rest = pointer.removeprefix("/").partition("/")
    if head != "geometry":
        return None
    return f"{PREFIX}{rest}" if f"{PREFIX}{rest}" in LABELS else FIELDS[0]


def _json(name: str, value: str) -> object:
    number = None if name in TEXTS else _number(value)
    return value if number is None else number


def _number(value: str) -> float | int | None:
    try:
        number = float(value) if value.isascii() else None
    except ValueError:
        return None
    if number is None or abs(number) > 2**53:
        return None
    return int(number) if number.is_integer() else number


def _text(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str("" if value is None else value)
