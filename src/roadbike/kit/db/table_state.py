"""A short text that differs after every change of a small table: for ETags of its lists."""

from sqlalchemy import Table, func, select

from roadbike.kit.db.database import Tx


async def table_state(tx: Tx, table: Table) -> str:
    """Return the state of a table with `row_version`, of which no row is ever deleted.

    A new row adds to the number of rows, each change of a row to the sum of their versions, and
    neither ever falls. It reads the whole table: for tables such as the catalogue.
    """
    rows = await tx.row(
        select(
            func.count().label("rows"), func.sum(table.c.row_version).label("versions")
        ).select_from(table)
    )
    assert rows is not None  # an aggregate always has one
    return f"{int(rows['rows'])}-{int(rows['versions'] or 0)}"
