"""Errors of a database are logged, so they do not show what was to be stored."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from roadbike.kit.db import Database


async def test_an_error_does_not_show_the_values_of_its_statement(db: Database) -> None:
    with pytest.raises(DBAPIError) as failed:
        async with db.begin() as tx:
            await tx.execute(text("SELECT :phone FROM nowhere"), {"phone": "010-1234-5678"})

    assert "nowhere" in str(failed.value)
    assert "010-1234-5678" not in str(failed.value)
