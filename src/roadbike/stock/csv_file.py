"""The bikes as a CSV file: which columns it has, and how its rows are read.

What the list exports can be imported again, also after a spreadsheet has saved it: in UTF-8 or in
CP949, as Korean spreadsheets do, with numbers such as "6,400,000", and with columns left out.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any, Final

import msgspec

from roadbike.kit.pure.refusals import BadRequest, Fault, Invalid
from roadbike.kit.web.bodies import Reader
from roadbike.kit.web.csv import as_typed

COLUMNS: Final = (
    *("bikeId", "version", "bikeNm", "brand", "frameSize", "colour", "price", "stockQty"),
    *("reserveQty", "onSale", "description"),
)
REQUIRED: Final = ("bikeId", "bikeNm", "price", "stockQty")
VALID: Final = {"bikeId": 1, "bikeNm": "x", "price": 1, "stockQty": 0}  # of each REQUIRED column
NUMBERS: Final = {"bikeId", "version", "price", "stockQty"}
IGNORED: Final = {"reserveQty"}  # only shown
WRONG_TYPE: Final = "fault-type"
OF_TYPE: Final = dict.fromkeys(NUMBERS, "import-number") | {"onSale": "import-truth"}
TRUTHS: Final[Mapping[str, bool]] = {"true": True, "false": False}
MAX_ROWS: Final = 20_000
LONGEST_CELL: Final = 20_000  # characters


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the file. number: of its line in a spreadsheet, from 2. cells: by column."""

    number: int
    cells: Mapping[str, str]


def lines_of(raw: bytes) -> list[Line]:
    """Return the rows of a file that are not empty.

    Raises BadRequest for what is no text, Invalid for a wrong first row or too many rows.
    """
    rows = list(_rows(raw))
    if not rows:
        raise Invalid(_at(1, REQUIRED[0], "fault-missing"))
    head = [cell.strip() for cell in rows[0]]
    faults = [_at(1, name, "fault-missing") for name in REQUIRED if name not in head]
    unknown = [name for name in head if name and name not in COLUMNS]
    choices = {"choices": ", ".join(COLUMNS)}
    faults += [_at(1, name, "fault-unknown-parameter", **choices) for name in unknown]
    faults += [_at(1, name, "fault-twice") for name in sorted(_twice(head))]
    if len(rows) > MAX_ROWS:
        faults.append(_at(MAX_ROWS + 1, REQUIRED[0], "import-too-long", most=MAX_ROWS))
    if faults:
        raise Invalid(*faults)
    return [
        Line(number, dict(zip(head, map(_cell, row), strict=False)))
        for number, row in enumerate(rows[1:], start=2)
        if any(cell.strip() for cell in row)
    ]


def values_of(line: Line, reader: Reader) -> Any:
    """Return what the line says, as the reader's type.

    Raises Invalid with all that is wrong with it, each with its place in the file.
    """
    sent = {name: _value(name, text) for name, text in line.cells.items() if name not in IGNORED}
    given = {name: value for name, value in sent.items() if name and value is not None}
    try:
        return _read(given, reader)
    except Invalid as refusal:
        missing = [at(line, name, "fault-missing") for name in REQUIRED if name not in given]
        wrong = [
            _placed(line, fault)
            for name, value in given.items()
            for fault in _faults({**VALID, name: value}, reader)
        ]
        raise Invalid(*missing, *wrong) from refusal


def _faults(given: Mapping[str, object], reader: Reader) -> Sequence[Fault]:
    """Return what is wrong with a row whose other cells are right."""
    try:
        _read(given, reader)
    except Invalid as refusal:
        return refusal.faults
    return ()


def _read(given: Mapping[str, object], reader: Reader) -> Any:
    return reader.read(msgspec.json.encode(given))


def at(line: Line, column: str, slug: str, **facts: object) -> Fault:
    """Return what is wrong with one cell; its pointer is "/line/column"."""
    return _at(line.number, column, slug, **facts)


def _rows(raw: bytes) -> Iterator[Sequence[str]]:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = raw.decode("cp949")
        except UnicodeDecodeError:
            raise BadRequest from None
    if "\0" in text:
        raise BadRequest
    try:
        yield from csv.reader(StringIO(text, newline=""), strict=True)
    except csv.Error:
        raise BadRequest from None


def _cell(text: str) -> str:
    return as_typed(text[:LONGEST_CELL].strip())


def _value(name: str, text: str) -> object:
    """Return the cell as JSON; None when it is empty. What is no number stays a text."""
    if name in NUMBERS:
        digits = text.replace(",", "").replace(" ", "")
        return int(digits) if digits.isascii() and digits.isdigit() else text or None
    if name == "onSale":
        return TRUTHS.get(text.lower(), text or None)
    return text or None


def _placed(line: Line, fault: Fault) -> Fault:
    column = (fault.pointer or "").removeprefix("/") or REQUIRED[0]
    if fault.slug == WRONG_TYPE and column in OF_TYPE:  # people fill in cells, not JSON
        return at(line, column, OF_TYPE[column])
    return Fault(slug=fault.slug, pointer=f"/{line.number}/{column}", facts=fault.facts)


def _at(number: int, column: str, slug: str, **facts: object) -> Fault:
    return Fault(slug=slug, pointer=f"/{number}/{column}", facts=facts)


def _twice(names: Sequence[str]) -> set[str]:
    return {name for name in names if name and names.count(name) > 1}
