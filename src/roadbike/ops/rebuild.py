"""`roadbike rebuild mypage`: compute My Page again from stored events, without downtime."""

import asyncio

from rich.progress import Progress

from roadbike.kit.db import Database
from roadbike.local.terminal import console
from roadbike.local.texts import say
from roadbike.mypage.use_cases import rebuild


def rebuild_my_page(database_url: str) -> int:
    """Rebuild the page of each purchase from its kept events; return their number."""
    return asyncio.run(_rebuild(database_url))


async def _rebuild(database_url: str) -> int:
    db = Database(database_url)
    done = 0
    with Progress(console=console()) as progress:
        bar = progress.add_task(say("my-page"), total=None)

        def on_progress(so_far: int, total: int) -> None:
            nonlocal done
            done = so_far
            progress.update(bar, completed=so_far, total=total)

        try:
            await rebuild(db, on_progress)
        finally:
            await db.close()
    return done
