"""A migration that the code of this build does not know, as a later release would bring it."""

import shutil
from pathlib import Path
from typing import Final

from alembic.script import ScriptDirectory

import roadbike
from roadbike.kit.db import migrate

SERVICE: Final = "stock"
PACKAGE: Final = f"roadbike.{SERVICE}"
MIGRATIONS: Final = Path(roadbike.__file__).parent / SERVICE / "migrations"
HEAD: Final = ScriptDirectory(str(MIGRATIONS)).get_current_head() or ""
NEXT: Final = f"{int(HEAD) + 1:04}"
SCRIPT: Final = '''"""Adds a column that the code of before does not know."""

from alembic import op
from sqlalchemy import Column, Text

revision = "{revision}"
down_revision = "{before}"
{more}

def upgrade() -> None:
    op.add_column("bike", Column("note_{revision}", Text))


def downgrade() -> None:
    op.drop_column("bike", "note_{revision}")
'''


async def run_next(url: str, folder: Path, *, oldest_code: str | None = None) -> None:
    """Bring stock's database one version further than this code, from a copy of its migrations.

    oldest_code: what the migration says of itself; None: nothing.
    """
    copy = folder / "migrations"
    if not copy.exists():
        shutil.copytree(MIGRATIONS, copy)
    before = ScriptDirectory(str(copy)).get_current_head() or ""
    revision = f"{int(before) + 1:04}"
    more = f'oldest_code = "{oldest_code}"\n' if oldest_code else ""
    text = SCRIPT.format(revision=revision, before=before, more=more)
    (copy / "versions" / f"{revision}_note.py").write_text(text)
    await migrate.upgrade_async(PACKAGE, url, str(copy))
