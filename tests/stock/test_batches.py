"""A batch of claims costs a handful of statements, however many claims are in it."""

from typing import Any

from sqlalchemy import event


async def test_a_batch_of_claims_takes_a_handful_of_statements(
    postgres_stock: Any, purchase: Any
) -> None:
    for number in (1, 2, 3):
        await postgres_stock.register(number, stock_quantity=100)
    claims = [purchase(bike_id=1 + n % 3).registered() for n in range(200)]
    statements: list[str] = []
    engine = postgres_stock.db.engine.sync_engine

    event.listen(engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    await postgres_stock.hear(*claims)

    assert len(await postgres_stock.told()) == 203
    assert len(statements) <= 10, "\n".join(statements)
