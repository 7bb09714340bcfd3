"""Bikes that staff import from a file: what a row changes, and why it is refused."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from roadbike.stock.domain.bikes import Bike, edited, unknown


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportRow:
    """One row of the file. line: its number there. fields: those that the file has a column for.

    version: of the bike that the row was exported with; None for a new bike. on_sale: None leaves
    it as it is.
    """

    line: int
    bike_id: int
    version: int | None
    on_sale: bool | None
    fields: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class RowFault:
    """Why a row is refused. field: the wrong one. slug: of the message, with these facts."""

    line: int
    field: str
    slug: str
    facts: Mapping[str, object]


def row_fault(bike: Bike | None, row: ImportRow) -> RowFault | None:
    """Return why the row is refused; None when it is not. bike: the one with its number, if any."""
    if bike is None:
        return _fault(row, "bike_id", "import-unknown") if row.version is not None else None
    if row.version is None:
        return _fault(row, "version", "import-version-missing")
    if row.version != bike.version:
        return _fault(row, "version", "import-changed", version=bike.version)
    if row.fields.get("stock_quantity", bike.stock_quantity) < bike.held_quantity:
        return _fault(row, "stock_quantity", "below-held", held=bike.held_quantity)
    return None


def imported(bike: Bike | None, row: ImportRow, now: datetime, by: str) -> tuple[Bike, Bike]:
    """Return the bike before and after the row; they are equal when the row changes nothing.

    by: the user id of the staff member.
    """
    before = bike or unknown(row.bike_id)
    after = edited(before, row.fields, now, on_sale=row.on_sale)
    return before, after if after == before else replace(after, changed_by=by, changed_at=now)


def _fault(row: ImportRow, field: str, slug: str, **facts: object) -> RowFault:
    return RowFault(line=row.line, field=field, slug=slug, facts=facts)
