"""A batch of claims takes a handful of statements, however many claims are in it."""

from typing import Any, Literal

import pytest
from sqlalchemy import event

from tests.purchase_events import Story


@pytest.fixture
def dialect() -> Literal["postgresql"]:
    """The database of stock."""
    return "postgresql"


async def test_a_batch_of_claims_takes_a_handful_of_statements(stock: Any) -> None:
    for number in (1, 2, 3):
        await stock.register(number, stock_quantity=100)
    claims = [Story(bike_id=1 + n % 3).registered() for n in range(200)]
    statements: list[str] = []
    engine = stock.db.engine.sync_engine

    event.listen(engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    await stock.consume(*claims)

    assert len(await stock.published()) == 203
    assert len(statements) <= 10, "\n".join(statements)
