"""Races 7: a migration 0002 that adds a column runs on stock's database while stock runs with the
code of 0001; measured are its readiness and what it answers itself and through the gateway for 5
s; the fault is a replica that serves and is not ready.
"""

import asyncio
import shutil
import tempfile
import time
from pathlib import Path
from typing import Final

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

import roadbike
from roadbike.kit.db import migrate
from roadbike.local import shop_file
from tests.faults.outcome import CannotTry, Outcome, run, say
from tests.faults.people import anybody, ok, open_shop
from tests.system.real_shop import Shop

PACKAGE: Final = "roadbike.stock"
MIGRATIONS: Final = Path(roadbike.__file__).parent / "stock" / "migrations"
SECONDS: Final = 5
NEXT: Final = '''"""Adds a column that the code of before does not know."""

from alembic import op
from sqlalchemy import Column, Text

revision = "{revision}"
down_revision = "{head}"


def upgrade() -> None:
    op.add_column("bike", Column("note", Text))


def downgrade() -> None:
    op.drop_column("bike", "note")
'''


def main() -> int:
    return run(provoke)


def provoke() -> Outcome:
    with open_shop() as shop:
        person = anybody(shop)
        ok(person.ask("GET", "/readyz", service="stock"), 200)
        run_next_migration(shop)
        unready = 0
        for second in range(SECONDS):
            time.sleep(1)
            ready = person.ask("GET", "/readyz", service="stock").status
            straight = person.ask("GET", "/stocks", service="stock").status
            gateway = person.ask("GET", "/stocks").status
            say(f"{second + 1} s later: /readyz {ready}, itself {straight}, gateway {gateway}")
            if straight != 200:
                raise CannotTry("the code of before does not work on the new schema")
            unready += ready != 200 or gateway != 200
    text = f"serving, and not ready or not reached in {unready} of {SECONDS} looks"
    return Outcome(unready > 0, text)


def run_next_migration(shop: Shop) -> None:
    """Run the service's migrations with one more, from a copy of their folder."""
    with tempfile.TemporaryDirectory(prefix="roadbike-faults-") as folder:
        copy = Path(folder) / "migrations"
        shutil.copytree(MIGRATIONS, copy)
        head = ScriptDirectory(str(copy)).get_current_head()
        revision = f"{int(head or 0) + 1:04}"
        script = copy / "versions" / f"{revision}_note.py"
        script.write_text(NEXT.format(revision=revision, head=head))
        asyncio.run(upgrade(shop_file.read_known(shop.home).owners["stock"], copy))


async def upgrade(url: str, migrations: Path) -> None:
    def do(connection: Connection) -> None:
        config = migrate.config_of(PACKAGE, connection)
        config.set_main_option("script_location", str(migrations))
        command.upgrade(config, "head")

    engine = create_async_engine(url)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(do)
            await connection.commit()
    finally:
        await engine.dispose()


if __name__ == "__main__":
    raise SystemExit(main())
