"""`roadbike rebuild mypage`: folds every purchase's kept events anew, while the shop is open."""

import asyncio

from rich.progress import Progress

from roadbike.kit.db import Database
from roadbike.local.up.progress import console
from roadbike.mypage.use_cases import rebuild


def run(database_url: str) -> int:
    """The number of purchases that were folded anew."""
    return asyncio.run(_run(database_url))


async def _run(database_url: str) -> int:
    db = Database(database_url)
    done = 0
    with Progress(console=console()) as progress:
        bar = progress.add_task("my page", total=None)

        def on_progress(so_far: int, total: int) -> None:
            nonlocal done
            done = so_far
            progress.update(bar, completed=so_far, total=total)

        try:
            await rebuild(db, on_progress)
        finally:
            await db.close()
    return done
