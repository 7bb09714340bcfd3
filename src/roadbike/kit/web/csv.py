"""Tables as text/csv for spreadsheets, in UTF-8 with a byte order mark, which they need for Hangul.

A spreadsheet takes a cell that begins with one of FORMULA for a formula, which may send what other
cells contain to a stranger. Such a text gets an apostrophe in front, and is then only shown.
"""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Any, Final

from litestar.connection import Request

from roadbike.kit.web.hal import Reply

CSV: Final = "text/csv"
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
HARMLESS: Final = "'"
BYTE_ORDER_MARK: Final = "\ufeff"

Cell = str | int | None


def wants_csv(request: Request[Any, Any, Any]) -> bool:
    """Return whether the request's Accept header names text/csv, whatever else it names."""
    accepted = request.headers.get("accept", "").lower().split(",")
    return any(media.partition(";")[0].strip() == CSV for media in accepted)


def csv_reply(name: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Reply[str]:
    """Return the table as a file that the browser saves.

    name: of the file, in ASCII, with its extension.
    """
    return Reply(csv_text(columns, rows), headers=csv_headers(name), media_type=CSV)


def csv_headers(name: str) -> dict[str, str]:
    """Return the headers by which the browser saves the answer under that name."""
    return {"Content-Disposition": f'attachment; filename="{name}"', "Vary": "Accept"}


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Return the table with a first row of column names; lines end in CR LF (RFC 4180)."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_written(cell) for cell in row] for row in rows)
    return BYTE_ORDER_MARK + text.getvalue()


def harmless(text: str) -> str:
    """Return the text so that no spreadsheet takes it for a formula."""
    return HARMLESS + text if text.lstrip(" '").startswith(FORMULA) else text


def as_typed(text: str) -> str:
    """Return the text that `harmless` has made this one of: a table can be read in again."""
    rest = text.removeprefix(HARMLESS)
    return rest if rest != text and harmless(rest) == text else text


def _written(cell: Cell) -> str | int:
    """Return the cell as it is written; a number is never a formula."""
    if cell is None:
        return ""
    return harmless(cell) if isinstance(cell, str) else cell
